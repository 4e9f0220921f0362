from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from .daemon import PATIENCE, DaemonTest, ended

ROOT = Path(__file__).parent.parent


class Examples(DaemonTest):
    async def run_program(self, file: str, *args: str) -> tuple[int | None, str, str]:
        """Runs a program to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / file),
            *args,
            env=self.daemon.env,
            cwd=self.daemon.work,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                stdout, stderr = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode, stdout.decode(), stderr.decode()

    async def test_launch_and_follow(self) -> None:
        code, stdout, stderr = await self.run_program("examples/launch_and_follow.py", "say: all good")
        self.assertEqual((code, stdout), (0, "all good\n"), stderr)
        self.assertIn("completed, 1 turn", stderr)
        code, _, stderr = await self.run_program("examples/launch_and_follow.py", "error: overloaded")
        self.assertEqual(code, 1)
        self.assertRegex(stderr, "(?s)failed.*overloaded")
        self.assertEqual((await self.run_program("examples/launch_and_follow.py"))[0], 1)

    async def test_approve_from_a_script(self) -> None:
        id = await self.launch('ask: Bash {"command":"ls"}\nask: Write {"file_path":"/tmp/x","content":"x"}')
        code, stdout, stderr = await self.run_program("examples/approve.py", id, "Bash")
        self.assertEqual(code, 0, stderr)
        self.assertRegex(stdout, r'^approve Bash \{"command": "ls"\}\ndeny Write .*\n$')
        _, stdout, _ = await self.run_program("examples/approve.py", id, "Bash")  # it has ended: nothing is left to answer
        self.assertRegex(stdout, r"^approved Bash by pid \d+\ndenied Write by pid \d+\n$")

    async def tail(self, query: str, kill: bool) -> tuple[list[int], str]:
        """Tails until a session has ended, during which the daemon may be killed."""
        id = await self.launch(query)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-X",
            "faulthandler",
            str(ROOT / "examples/tail.py"),
            str(self.daemon.dir / "cursor"),
            env=self.daemon.env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        assert process.stdout is not None and process.stderr is not None
        seqs: list[int] = []
        last = b""
        try:
            async with asyncio.timeout(PATIENCE):
                async for last in process.stdout:
                    event = json.loads(last)
                    seqs.append(event["seq"])
                    if kill and len(seqs) == 20:
                        await self.daemon.kill()
                        await self.daemon.start()
                        (self.daemon.work / "go").touch()
                    if event["session_id"] == id and ended(event):
                        process.send_signal(signal.SIGINT)  # what it prints until then counts
                stderr = (await process.stderr.read()).decode()
        except TimeoutError:
            process.send_signal(signal.SIGABRT)
            said = (await process.stderr.read()).decode()
            state = await self.client.get_session_state(id)
            self.fail(f"it waits behind {last!r}; it said: {said}; the session: {state}; the daemon: {self.daemon.log()}")
        self.assertEqual(await process.wait(), 0, stderr)
        return seqs, stderr

    async def test_tail_everything(self) -> None:
        seqs, stderr = await self.tail(f"emit: 100 100\nwait: {self.daemon.work}/go\nemit: 100 100", True)
        self.assertIn("trying again", stderr)
        more, _ = await self.tail("say: more", False)
        seqs += more
        log: list[int] = []
        async for event in self.client.events(after_seq=0):
            assert event["type"] != "partial_message"
            log.append(event["seq"])
            if event["seq"] == seqs[-1]:
                break
        self.assertEqual(seqs, log)
        self.assertEqual(int((self.daemon.dir / "cursor").read_text()), seqs[-1])

    async def test_the_first_program_of_the_readme(self) -> None:
        code, stdout, stderr = await self.run_program("readme/program1.py")
        self.assertEqual(code, 0, stderr)
        self.assertIn("you said: ", stdout)
