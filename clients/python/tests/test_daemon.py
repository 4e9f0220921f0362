from __future__ import annotations

import asyncio
import inspect
import re

import sessiond
from sessiond import errors

from .daemon import PATIENCE, DaemonTest, ended, whole


class WithDaemon(DaemonTest):
    async def test_a_session_is_launched_followed_read_and_found(self) -> None:
        id = await self.launch("say: grüße 🎉")
        events = await whole(self.client, id)
        self.assertEqual(events[0]["type"], "session_created")
        steps = [e["data"] for e in events if e["type"] == "conversation_updated"]
        self.assertEqual([s["content"] for s in steps if s.get("role") == "assistant"], ["grüße 🎉"])
        session = (await self.client.get_session_state(id))["session"]
        self.assertEqual((session["status"], session["result"]), ("completed", "grüße 🎉"))
        read = [e["seq"] async for e in self.client.conversation(id, limit=2)]
        self.assertEqual(read, [s["seq"] for s in steps])
        await self.launch("say: another")
        found = [s["id"] async for s in self.client.sessions(limit=1)]
        self.assertEqual(len(set(found)), 2)

    async def test_questions_are_answered_and_the_first_answer_wins(self) -> None:
        id = await self.launch('ask: Bash {"command":"ls"}')
        async for event in self.client.events(session_id=id, after_seq=0, event_types=["new_approval"]):
            break
        approval = (await self.client.fetch_approvals(session_id=id))["approvals"][0]
        self.assertEqual(approval["tool_name"], "Bash")
        answered = (await self.client.send_decision(approval["id"], "approve"))["approval"]
        self.assertEqual(answered["status"], "approved")
        with self.assertRaises(errors.AlreadyResolved) as caught:
            await self.client.send_decision(approval["id"], "approve")
        self.assertEqual(caught.exception.code, -32005)
        self.assertEqual(caught.exception.data["approval"]["resolved_by"], answered["resolved_by"])
        await whole(self.client, id)

    async def test_errors_are_typed(self) -> None:
        nobody = "00000000-0000-7000-8000-000000000000"
        with self.assertRaises(sessiond.SessiondError) as caught:
            await self.client.get_session_state(nobody)
        self.assertIsInstance(caught.exception, errors.SessionNotFound)
        self.assertEqual((caught.exception.reason, caught.exception.data["id"]), ("session_not_found", nobody))
        with self.assertRaises(errors.InvalidParams) as wrong:
            await self.client.list_sessions(limit=0)
        self.assertEqual(wrong.exception.data["field"], "limit")
        with self.assertRaises(errors.MethodNotFound):
            await self.client.call("nope")
        with self.assertRaises(errors.CursorExpired) as gone:
            await anext(self.client.events(after_seq=1_000_000))
        self.assertEqual(gone.exception.data["oldest_seq"], 1)
        with self.assertRaises(sessiond.UnreachableError):
            async with sessiond.connect(str(self.daemon.dir / "none")):
                pass

    async def test_what_waits_can_be_cancelled(self) -> None:
        with self.assertRaises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(self.client.events())
        call = asyncio.create_task(self.client.health())
        await asyncio.sleep(0)
        call.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await call
        assert self.daemon.process is not None
        self.assertEqual((await self.client.health())["pid"], self.daemon.process.pid)

    async def test_every_method_is_there_with_its_params(self) -> None:
        methods = (await self.client.discover())["methods"]
        self.assertGreater(len(methods), 20)
        for method in methods:
            name = re.sub("[A-Z]", lambda m: "_" + m[0].lower(), method["name"].removeprefix("rpc."))
            if name == "unsubscribe":
                continue
            function = getattr(self.client, "events" if name == "subscribe" else name)
            have = set(inspect.signature(function).parameters) - {"on_disconnect"}
            self.assertEqual(have, {p["name"] for p in method["params"]}, name)


class Killed(DaemonTest):
    async def test_nothing_is_missing_and_nothing_comes_twice_when_the_daemon_is_killed(self) -> None:
        n = 3000
        go = self.daemon.work / "go"
        id = await self.launch(f"emit: {n} 200 1500\nwait: {go}")  # it does not end before the kills
        seqs: list[int] = []
        texts: list[str] = []
        disconnects: list[Exception] = []
        kills: list[int] = []
        restart: asyncio.Task[None] | None = None
        async with asyncio.timeout(PATIENCE):
            async for event in self.client.events(session_id=id, after_seq=0, on_disconnect=disconnects.append):
                assert event["type"] != "partial_message"
                seqs.append(event["seq"])
                if event["type"] == "conversation_updated" and event["data"].get("role") == "assistant":
                    texts.append(event["data"].get("content", ""))
                if len(texts) in (500, 1500) and len(texts) not in kills:
                    kills.append(len(texts))
                    if restart:
                        await restart
                    await self.daemon.kill()
                    restart = asyncio.create_task(self.daemon.start())  # not waited for: the iteration has to find it
                    if len(kills) == 2:
                        restart.add_done_callback(lambda _: go.touch())
                if ended(event):
                    break
        assert restart is not None
        await restart
        self.assertGreaterEqual(len(disconnects), 2)
        self.assertTrue(texts.pop().startswith("waited for"))
        emitted = [m[0] if (m := re.match(r"event \d+ of \d+", text)) else text for text in texts]
        self.assertEqual(emitted, [f"event {i + 1} of {n}" for i in range(n)])
        log = [e["seq"] for e in await whole(self.client, id) if e["type"] != "partial_message"]
        self.assertEqual(seqs, log)
        self.assertEqual((await self.client.get_session_state(id))["session"]["status"], "completed")  # on a new connection


class Large(DaemonTest):
    async def test_messages_of_many_megabytes_arrive_whole(self) -> None:
        size = 20_000_000
        events = await whole(self.client, await self.launch(f"bigline: {size}"))
        longest = max(len(e["data"].get("content", "")) for e in events if e["type"] == "conversation_updated")
        self.assertEqual(longest, size)
        text = "say: hello\n" + "é€🎉" * 500_000  # 4.5 MB up, and back
        id = await self.launch(text)
        await whole(self.client, id)
        self.assertEqual((await self.client.list_messages(id))["messages"][0]["content"], text)

    async def test_deltas_have_no_seq(self) -> None:
        go = self.daemon.work / "go"
        id = await self.launch(f"wait: {go}\npartial: 5", interactive=True, include_partial_messages=True)
        events = self.client.events(after_seq=0, include_partial=True)
        event = await anext(events)  # it has subscribed: deltas are not in the log
        go.touch()
        deltas, last = 0, 0
        while True:
            if event["type"] == "partial_message":
                deltas += 1
                self.assertNotIn("seq", event)
            else:
                self.assertGreater(event["seq"], last)
                last = event["seq"]
            if event["type"] == "session_status_changed" and event["data"]["new_status"] == "waiting_input":
                break
            event = await anext(events)
        await events.aclose()
        self.assertEqual(event["session_id"], id)
        self.assertGreaterEqual(deltas, 5)
