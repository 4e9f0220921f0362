"""The client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from . import types as t
from ._connection import Connection
from ._errors import ClosedError
from ._events import follow
from ._methods import Methods
from ._socket import dial, socket_path
from ._wire import MAX_REQUEST_BYTES


class Client(Methods):
    """Talks to one daemon.

    Make it with `connect`. Its calls share a connection, on which they may overlap; one
    that breaks is made anew by the next call. A call that is cancelled is given up: the
    daemon may have carried it out.
    """

    def __init__(self, socket: str | None = None, *, max_request_bytes: int = MAX_REQUEST_BYTES) -> None:
        """Makes a client that connects with its first call.

        Args:
            socket: Path of the daemon's socket; default: where the protocol says, see `socket_path`.
            max_request_bytes: How long a request may be that the daemon takes, its setting of the same name.
        """
        self.socket = socket or socket_path()
        self._limit = max_request_bytes
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._closed = False

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Calls a method by its name. Params that are None are left out.

        Raises:
            SessiondError: What the daemon answered.
            DisconnectedError: The connection broke before the answer; the call is not repeated.
        """
        connection = await self._live()
        return await connection.call(method, params)

    def events(
        self,
        *,
        after_seq: int | None = None,
        event_types: list[t.EventType] | None = None,
        session_id: str | None = None,
        run_id: str | None = None,
        include_partial: bool | None = None,
        on_disconnect: Callable[[Exception], None] | None = None,
    ) -> AsyncGenerator[t.Event, None]:
        """Follows events, in the order of `seq`, each once.

        When the connection breaks it is made anew, and the next event is the one behind
        the last that was yielded: nothing is missing and nothing comes twice, also when
        the daemon was killed. Each iteration has a connection of its own and keeps no
        queue: what is not taken waits in the daemon's log. Only deltas may be left out,
        and are counted in `dropped` of the next.

        Args:
            after_seq: Everything after this seq, then live; None: from the moment that the first is asked for.
            event_types: Only these types.
            session_id: Only this session.
            run_id: Only the session with this run id.
            include_partial: Also partial_message events.
            on_disconnect: Is called each time that the connection is lost or cannot be made, before it is tried again.

        Raises:
            SessiondError: What trying again cannot mend, such as CursorExpired.
        """
        filter = {
            "after_seq": after_seq,
            "event_types": event_types,
            "session_id": session_id,
            "run_id": run_id,
            "include_partial": include_partial,
        }
        return follow(self.socket, self._limit, filter, on_disconnect)

    async def sessions(self, **params: Any) -> AsyncIterator[t.Session]:
        """All sessions that `list_sessions` finds with these arguments, page by page."""
        while True:
            page = await self.list_sessions(**params)
            for session in page["sessions"]:
                yield session
            if "next_cursor" not in page:
                return
            params["cursor"] = page["next_cursor"]

    async def conversation(self, session_id: str, **params: Any) -> AsyncIterator[t.ConversationEvent]:
        """A whole conversation, page by page; the other arguments are those of `get_conversation`."""
        while True:
            page = await self.get_conversation(session_id, **params)
            for event in page["events"]:
                yield event
            if page["next_after_seq"] is None:
                return
            params["after_seq"] = page["next_after_seq"]

    async def close(self) -> None:
        """Breaks the connection. Calls under way fail; iterations over events end only by themselves."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def __aenter__(self) -> Client:
        await self._live()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _live(self) -> Connection:
        """The connection, made anew where it is broken."""
        async with self._connecting:
            if self._closed:
                raise ClosedError()
            if self._connection is None or self._connection.broken:
                reader, writer = await dial(self.socket)
                if self._connection is not None:
                    await self._connection.close()
                self._connection = Connection(reader, writer, self._limit)
            return self._connection


@asynccontextmanager
async def connect(socket: str | None = None, *, max_request_bytes: int = MAX_REQUEST_BYTES) -> AsyncIterator[Client]:
    """Connects to a daemon: `async with connect() as client`.

    Args:
        socket: Path of the daemon's socket; default: where the protocol says, see `socket_path`.
        max_request_bytes: How long a request may be that the daemon takes, its setting of the same name.

    Raises:
        UnreachableError: There is none.
    """
    async with Client(socket, max_request_bytes=max_request_bytes) as client:
        yield client
