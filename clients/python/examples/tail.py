"""Prints every event of every session, one JSON object a line, until Ctrl-C. With a file
it keeps its cursor there, and goes on behind it the next time.

python3 tail.py [CURSOR_FILE]
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import sessiond


async def main(file: Path | None) -> None:
    after_seq = int(file.read_text()) if file and file.exists() else 0

    def disconnected(err: Exception) -> None:
        print(f"{err}; trying again", file=sys.stderr, flush=True)

    async with sessiond.connect() as client:
        async for event in client.events(after_seq=after_seq, on_disconnect=disconnected):
            print(json.dumps(event, ensure_ascii=False), flush=True)
            if file and "seq" in event:
                file.write_text(str(event["seq"]))  # behind the printing: once more is better than never


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # nobody reads on, as in `tail.py | head`; nor does who flushes at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
