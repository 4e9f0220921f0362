"""Following events."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, cast

from ._errors import DisconnectedError, ForeignError, ProtocolError, UnreachableError
from ._socket import READ_AHEAD, dial
from ._wire import Lines, parse, request_line, typed
from .errors import ShuttingDown
from .types import Event

# How long is waited before connecting again, in seconds: a random time up to a bound
# that doubles with each failure in a row.
FIRST_WAIT = 0.1
LONGEST_WAIT = 3.0


async def follow(
    path: str,
    limit: int,
    filter: Mapping[str, Any],
    on_disconnect: Callable[[Exception], None] | None,
) -> AsyncGenerator[Event, None]:
    """Yields events, each once and in order, across disconnects and restarts of the daemon."""
    cursor: int | None = filter.get("after_seq")
    wait = FIRST_WAIT
    while True:
        try:
            async with aclosing(_connection(path, request_line(1, "subscribe", {**filter, "after_seq": cursor}, limit))) as messages:
                subscription = await _subscribed(messages)
                if cursor is None:
                    cursor = subscription["head_seq"]
                wait = FIRST_WAIT
                async for message in messages:
                    event = _event(message, subscription["subscription_id"])
                    if event is None:
                        continue
                    cursor = event.get("seq", cursor)
                    yield cast(Event, event)
            raise DisconnectedError("the daemon closed the connection")
        except ForeignError:
            raise
        except (DisconnectedError, UnreachableError, ShuttingDown) as err:
            if on_disconnect is not None:
                on_disconnect(err)
        await asyncio.sleep(random.random() * wait)
        wait = min(2 * wait, LONGEST_WAIT)


async def _connection(path: str, line: bytes) -> AsyncGenerator[dict[str, Any], None]:
    """Sends one line, and yields what comes back, read no faster than it is taken.

    While the consumer is busy the socket is not read, and what it has not taken waits
    in the daemon's log.
    """
    reader, writer = await dial(path)
    try:
        lines = Lines()
        writer.write(line)
        while True:
            try:
                chunk = await reader.read(READ_AHEAD)
            except OSError as err:
                raise DisconnectedError(f"the connection to the daemon broke: {err}") from err
            if not chunk:
                return
            for each in lines.push(chunk):
                yield parse(each)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _subscribed(messages: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """Reads the answer, which comes before the first event."""
    async for message in messages:
        if message.get("error"):
            raise typed(message["error"])
        result = message.get("result")
        if not isinstance(result, dict) or "subscription_id" not in result:
            raise ProtocolError("the daemon did not answer what was asked")
        return result
    raise DisconnectedError("the daemon closed the connection before it answered")


def _event(message: dict[str, Any], subscription: str) -> dict[str, Any] | None:
    """The event in a notification, if it is one for this subscription."""
    if message.get("error"):  # without a request: the daemon's last word
        raise typed(message["error"])
    params = message.get("params") or {}
    if message.get("method") == "event" and params.get("subscription_id") == subscription:
        event: dict[str, Any] = params["event"]
        return event
    return None
