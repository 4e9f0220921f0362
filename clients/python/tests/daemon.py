"""Daemons for the tests, as processes that they start, in directories of their own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
import unittest
from pathlib import Path

import sessiond
from sessiond import types as t

# How long anything is waited for. It is reached only by a failure.
PATIENCE = 120.0


def given(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"{name} is not set: these tests are run by `go test ./internal/clients`")
    return value


class Daemon:
    def __init__(self) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="d", dir=given("SESSIOND_TEST_DIR")))
        self.socket = str(self.dir / "s")
        self.work = self.dir / "work"
        self.work.mkdir()
        self.process: asyncio.subprocess.Process | None = None

    @property
    def env(self) -> dict[str, str]:
        return {
            "HOME": str(self.dir),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SESSIOND_STATE_DIR": str(self.dir / "state"),
            "SESSIOND_SOCKET": self.socket,
            "SESSIOND_CLAUDE": given("SESSIOND_TEST_CLAUDE"),
        }

    async def start(self) -> None:
        with open(self.dir / "log", "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                given("SESSIOND_TEST_PROGRAM"), "serve", env=self.env, stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                async with sessiond.connect(self.socket) as client:
                    await client.health()
                    return
            except ConnectionError:
                if self.process.returncode is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the daemon does not answer: {self.log()}")
                await asyncio.sleep(0.005)

    def log(self) -> str:
        return (self.dir / "log").read_text()

    async def kill(self, sig: int = signal.SIGKILL) -> None:
        """Kills the daemon, as a crash would."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(sig)
        await self.process.wait()

    async def end(self) -> None:
        """Ends the sessions, the daemon, and its directory."""
        if self.process is None or self.process.returncode is not None:
            await self.start()
        live: list[t.Status] = ["queued", "starting", "running", "waiting_input", "interrupting"]
        async with sessiond.connect(self.socket) as client:
            async for session in client.sessions(status=live):
                try:
                    await client.end_session(session["id"], force=True)
                except sessiond.SessiondError:
                    pass  # it has ended meanwhile
                await whole(client, session["id"])
        await self.kill(signal.SIGTERM)
        shutil.rmtree(self.dir)


class DaemonTest(unittest.IsolatedAsyncioTestCase):
    """Tests with a daemon and a client."""

    async def asyncSetUp(self) -> None:
        self.daemon = Daemon()
        self.addAsyncCleanup(self.daemon.end)
        await self.daemon.start()
        self.client = sessiond.Client(self.daemon.socket)
        self.addAsyncCleanup(self.client.close)

    async def launch(self, query: str, interactive: bool = False, include_partial_messages: bool = False) -> str:
        launched = await self.client.launch_session(
            query,
            working_dir=str(self.daemon.work),
            interactive=interactive,
            include_partial_messages=include_partial_messages,
        )
        return launched["session_id"]


async def whole(client: sessiond.Client, session_id: str) -> list[t.Event]:
    """The events of a session from the beginning to its end."""
    events: list[t.Event] = []
    async for event in client.events(session_id=session_id, after_seq=0):
        events.append(event)
        if ended(event):
            break
    return events


def ended(event: t.Event) -> bool:
    return event["type"] == "session_status_changed" and sessiond.is_final(event["data"]["new_status"])
