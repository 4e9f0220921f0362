from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import unittest
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import mock

import sessiond
from sessiond import errors
from sessiond._wire import Lines

from .daemon import PATIENCE, given


class Peer:
    """One end of a connection, played by a test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def next(self) -> dict[str, Any]:
        request: dict[str, Any] = json.loads(await self.reader.readuntil(b"\n"))
        return request

    async def send(self, **message: Any) -> None:
        self.writer.write(json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=False).encode() + b"\n")
        await self.writer.drain()

    async def subscribed(self, head_seq: int = 0) -> dict[str, Any]:
        request = await self.next()
        await self.send(id=request["id"], result={"subscription_id": "sub", "head_seq": head_seq})
        return request

    async def event(self, **event: Any) -> None:
        await self.send(method="event", params={"subscription_id": "sub", "event": event})

    async def last_word(self, reason: str, code: int, **data: Any) -> None:
        await self.send(id=None, error={"code": code, "message": "so be it", "data": {"reason": reason, **data}})


Script = Callable[[Peer], Awaitable[None]]


class Wire(unittest.IsolatedAsyncioTestCase):
    async def play(self, *scripts: Script) -> str:
        """A daemon that a test plays, a connection at a time."""
        dir = tempfile.mkdtemp(prefix="f", dir=given("SESSIOND_TEST_DIR"))
        self.addCleanup(shutil.rmtree, dir)
        rest = iter(scripts)
        self.played: list[asyncio.Task[None]] = []

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self.played.append(task)
            try:
                if script := next(rest, None):
                    await script(Peer(reader, writer))
                    await reader.read()  # until the client leaves
            except (asyncio.IncompleteReadError, ConnectionError):
                pass  # the client has left
            finally:
                writer.close()

        server = await asyncio.start_unix_server(connected, dir + "/s", limit=1 << 20)

        async def stop() -> None:
            server.close()
            for task in self.played:
                task.cancel()
            await asyncio.gather(*self.played, return_exceptions=True)

        self.addAsyncCleanup(stop)
        return dir + "/s"

    async def client(self, socket: str, **options: Any) -> sessiond.Client:
        client = sessiond.Client(socket, **options)
        self.addAsyncCleanup(client.close)
        return client

    async def test_calls_share_a_connection_and_find_their_answers(self) -> None:
        async def script(peer: Peer) -> None:
            for request in reversed([await peer.next() for _ in range(3)]):
                await peer.send(id=request["id"], result=request["params"])

        client = await self.client(await self.play(script))
        answers = await asyncio.gather(*(client.get_session_state(id) for id in "abc"))
        self.assertEqual(answers, [{"session_id": id} for id in "abc"])

    async def test_characters_may_be_cut_anywhere(self) -> None:
        title = 'é€🎉\u2028"\\'

        async def script(peer: Peer) -> None:
            request = await peer.next()
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": {"title": title}}
            for byte in json.dumps(answer, ensure_ascii=False).encode() + b"\n":
                peer.writer.write(bytes([byte]))
                await peer.writer.drain()
                await asyncio.sleep(0)

        client = await self.client(await self.play(script))
        self.assertEqual(await client.health(), {"title": title})

    async def test_lines_are_cut_at_newlines_only(self) -> None:
        text = "one\n\ntwo é\u2028\n".encode()
        for size in range(1, len(text) + 1):
            lines = Lines()
            cut = [line for i in range(0, len(text), size) for line in lines.push(text[i : i + size])]
            self.assertEqual(cut, [b"one", b"", "two é\u2028".encode()])

    async def test_a_broken_connection_fails_its_calls_and_the_next_connects_anew(self) -> None:
        async def hang_up(peer: Peer) -> None:
            await peer.next()
            peer.writer.close()

        async def answer_and_hang_up(peer: Peer) -> None:
            await peer.send(id=(await peer.next())["id"], result={"status": "ok"})
            peer.writer.close()

        async def go_down(peer: Peer) -> None:
            await peer.next()
            await peer.last_word("shutting_down", -32008)

        async def babble(peer: Peer) -> None:
            await peer.next()
            peer.writer.write(b"what?\n")

        socket = await self.play(hang_up, answer_and_hang_up, go_down, babble)
        client = await self.client(socket)
        with self.assertRaises(sessiond.DisconnectedError):
            await client.health()
        self.assertEqual((await client.health())["status"], "ok")
        other = await self.client(socket)
        with self.assertRaises(errors.ShuttingDown):
            await other.health()
        with self.assertRaises(sessiond.ProtocolError):
            await other.health()
        await other.close()
        with self.assertRaises(sessiond.ClosedError):
            await other.health()

    async def test_a_subscription_goes_on_from_where_it_was(self) -> None:
        asked: list[dict[str, Any]] = []
        largest = 2**53

        async def first(peer: Peer) -> None:
            asked.append((await peer.subscribed(7))["params"])
            peer.writer.close()

        async def second(peer: Peer) -> None:
            asked.append((await peer.subscribed(9))["params"])
            await peer.event(type="session_deleted", seq=8)
            await peer.event(type="partial_message")
            await peer.event(type="session_deleted", seq=largest)
            await peer.last_word("shutting_down", -32008)

        async def third(peer: Peer) -> None:
            request = await peer.next()
            asked.append(request["params"])
            error = {"code": -32003, "message": "gone", "data": {"reason": "cursor_expired", "oldest_seq": 12}}
            await peer.send(id=request["id"], error=error)

        client = await self.client(await self.play(first, second, third))
        seqs: list[int | None] = []
        disconnects: list[Exception] = []
        with self.assertRaises(errors.CursorExpired) as caught:
            async for event in client.events(event_types=["session_deleted"], on_disconnect=disconnects.append):
                seqs.append(event.get("seq"))
        self.assertEqual(caught.exception.data["oldest_seq"], 12)
        self.assertEqual(seqs, [8, None, largest])
        self.assertEqual([params.get("after_seq") for params in asked], [None, 7, largest])
        self.assertEqual(asked[2]["event_types"], ["session_deleted"])
        self.assertEqual(len(disconnects), 2)

    async def test_a_slow_consumer_does_not_fill_the_memory(self) -> None:
        lines, filler, sent = 400, "x" * 100_000, 0

        async def script(peer: Peer) -> None:
            nonlocal sent
            peer.writer.transport.set_write_buffer_limits(0)
            await peer.subscribed()
            for seq in range(1, lines + 1):
                await peer.event(type="session_deleted", seq=seq, filler=filler)
                sent = seq

        client = await self.client(await self.play(script))
        taken = 0
        async with asyncio.timeout(PATIENCE):
            async for event in client.events(after_seq=0):
                assert event["type"] == "session_deleted"
                taken += 1
                self.assertEqual(event["seq"], taken)
                for _ in range(20):  # whoever wants to read on has the time to
                    await asyncio.sleep(0)
                self.assertLess(sent - taken, 30, "lines were read ahead")
                if taken == lines:
                    break

    async def test_a_request_that_the_daemon_would_not_take_is_refused(self) -> None:
        async def script(peer: Peer) -> None:
            await peer.send(id=(await peer.next())["id"], result={})

        client = await self.client(await self.play(script), max_request_bytes=1000)
        with self.assertRaises(errors.LimitExceeded) as caught:
            await client.launch_session("x" * 1000)
        self.assertEqual(caught.exception.data["limit"], 1000)
        self.assertEqual(await client.health(), {})

    async def test_a_cancelled_call_leaves_the_connection_whole(self) -> None:
        async def script(peer: Peer) -> None:
            first = await peer.next()
            call.cancel()
            second = await peer.next()
            await peer.send(id=first["id"], result={"status": "late"})
            await peer.send(id=second["id"], result={"status": "ok"})

        client = await self.client(await self.play(script))
        call = asyncio.create_task(client.health())
        with self.assertRaises(asyncio.CancelledError):
            await call
        self.assertEqual((await client.health())["status"], "ok")

    async def test_breaking_off_an_iteration_closes_its_connection(self) -> None:
        closed = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.subscribed()
            await peer.event(type="session_deleted", seq=1)
            await peer.reader.read()
            closed.set()

        client = await self.client(await self.play(script))
        async for _ in client.events(after_seq=0):
            break
        async with asyncio.timeout(PATIENCE):
            await closed.wait()

    async def test_the_socket_of_another_user_is_refused(self) -> None:
        async def script(peer: Peer) -> None:
            self.assertEqual(await peer.reader.read(), b"")

        socket = await self.play(script, script)
        with mock.patch("os.getuid", return_value=os.getuid() + 1):
            client = await self.client(socket)
            with self.assertRaisesRegex(sessiond.UnreachableError, "another user"):
                await client.health()
            with self.assertRaisesRegex(sessiond.UnreachableError, "another user"):
                await anext(client.events())

    def test_the_socket_is_where_the_protocol_says(self) -> None:
        path, home = sessiond.socket_path, {"HOME": "/h"}
        self.assertEqual(path({**home, "SESSIOND_SOCKET": "/x/s", "SESSIOND_STATE_DIR": "/state"}), "/x/s")
        self.assertEqual(path({**home, "SESSIOND_STATE_DIR": "/state", "XDG_RUNTIME_DIR": "/run/1"}), "/state/sessiond.sock")
        self.assertEqual(path({**home, "XDG_RUNTIME_DIR": "/run/1", "XDG_STATE_HOME": "/s"}), "/run/1/sessiond/sessiond.sock")
        self.assertEqual(path({**home, "XDG_RUNTIME_DIR": "relative", "XDG_STATE_HOME": "/s"}), "/s/sessiond/sessiond.sock")
        self.assertEqual(
            path({**home, "XDG_STATE_HOME": "relative", "SESSIOND_SOCKET": ""}), "/h/.local/state/sessiond/sessiond.sock"
        )
