"""Answers a session's questions until it ends: the tools that are named are allowed,
everything else is denied.

python3 approve.py SESSION_ID [TOOL...]
"""

import asyncio
import json
import sys

import sessiond
from sessiond.errors import AlreadyResolved
from sessiond.types import Approval


async def answer(client: sessiond.Client, approval: Approval, allowed: list[str]) -> None:
    tool = approval["tool_name"]
    try:
        if tool in allowed:
            await client.send_decision(approval["id"], "approve")
        else:
            await client.send_decision(approval["id"], "deny", comment=f"{tool} is not allowed here")
        print("approve" if tool in allowed else "deny", tool, json.dumps(approval["tool_input"]), flush=True)
    except AlreadyResolved as err:
        print(err.data["approval"]["status"], tool, "by", err.data["approval"].get("resolved_by"), flush=True)


async def main(session_id: str, allowed: list[str]) -> None:
    async with sessiond.connect() as client:
        # From the beginning on: a question that was asked before this program came is answered too.
        async for event in client.events(
            session_id=session_id, after_seq=0, event_types=["new_approval", "session_status_changed"]
        ):
            if event["type"] == "new_approval":
                await answer(client, event["data"], allowed)
            elif event["type"] == "session_status_changed" and sessiond.is_final(event["data"]["new_status"]):
                break


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: approve.py SESSION_ID [TOOL...]")
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
