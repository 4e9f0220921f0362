"""A connection on which calls are made."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ._errors import DisconnectedError
from ._socket import READ_AHEAD
from ._wire import Lines, parse, request_line, typed


class Connection:
    """Calls share it and may overlap. Its task reads until it breaks, and hands each answer to its call."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int) -> None:
        self._reader = reader
        self._writer = writer
        self._limit = limit
        self._writing = asyncio.Lock()
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self.broken: BaseException | None = None
        self._task = asyncio.get_running_loop().create_task(self._read(), name="sessiond connection")

    async def call(self, method: str, params: Mapping[str, Any] | None) -> Any:
        """Sends a request and waits for its answer."""
        if self.broken:
            raise self.broken
        self._last_id += 1
        id = self._last_id
        line = request_line(id, method, params, self._limit)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[id] = answer
        try:
            async with self._writing:  # what waits to be sent does not pile up here
                if not answer.done():
                    self._writer.write(line)
                    try:
                        await self._writer.drain()
                    except ConnectionError:
                        pass  # the reading tells, and may have the daemon's last word
            return await answer
        finally:
            del self._pending[id]
            if answer.done() and not answer.cancelled():
                answer.exception()  # it was seen, even where the call was given up meanwhile

    async def close(self) -> None:
        """Breaks the connection; calls under way fail."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._fail(DisconnectedError("the client was closed before the daemon answered"))

    async def _read(self) -> None:
        lines = Lines()
        try:
            while chunk := await self._reader.read(READ_AHEAD):
                for line in lines.push(chunk):
                    self._deliver(parse(line))
            raise DisconnectedError("the connection to the daemon broke before it answered")
        except asyncio.CancelledError:
            raise
        except DisconnectedError as err:
            self._fail(err)
        except OSError as err:
            broken = DisconnectedError(f"the connection to the daemon broke: {err}")
            broken.__cause__ = err
            self._fail(broken)
        except Exception as err:
            self._fail(err)
        finally:
            self._writer.close()

    def _deliver(self, message: dict[str, Any]) -> None:
        error = message.get("error")
        if error and message.get("id") is None:
            raise typed(error)  # about the connection, which ends behind it
        answer = self._pending.get(message.get("id", 0))
        if answer is None or answer.done():
            return  # nobody waits for it any more
        if error:
            answer.set_exception(typed(error))
        else:
            answer.set_result(message.get("result"))

    def _fail(self, cause: BaseException) -> None:
        if self.broken is None:
            self.broken = cause
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(self.broken)
