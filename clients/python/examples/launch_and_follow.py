"""Launches a session, follows it to its end, and prints what came of it:

python3 launch_and_follow.py PROMPT [DIRECTORY]
"""

import asyncio
import os
import sys

import sessiond


async def main(prompt: str, directory: str) -> int:
    async with sessiond.connect() as client:
        launched = await client.launch_session(prompt, working_dir=directory)
        session_id = launched["session_id"]
        print(f"session {session_id}", file=sys.stderr)
        async for event in client.events(session_id=session_id, after_seq=0):
            if event["type"] == "conversation_updated":
                step = event["data"]
                if step["event_type"] == "message" and step.get("role") == "assistant":
                    print(step.get("content", ""), flush=True)
                elif step["event_type"] == "tool_call":
                    print(f"● {step.get('tool_name')}", flush=True)
            elif event["type"] == "new_approval":
                print(f"it asks for {event['data']['tool_name']}: answer with `sessiond approve` or `sessiond deny`", file=sys.stderr)
            elif event["type"] == "session_status_changed" and sessiond.is_final(event["data"]["new_status"]):
                break
        session = (await client.get_session_state(session_id))["session"]
    print(f"{session['status']}, {session['num_turns']} turn(s), ${session['cost_usd']:.4f}", file=sys.stderr)
    if "error_message" in session:
        print(session["error_message"], file=sys.stderr)
    return 0 if session["status"] == "completed" else 1


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: launch_and_follow.py PROMPT [DIRECTORY]")
    sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else os.getcwd())))
