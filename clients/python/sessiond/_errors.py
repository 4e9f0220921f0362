"""What can go wrong."""

from __future__ import annotations

from typing import Any


class SessiondError(Exception):
    """An error that the daemon answered.

    `reason` is the word to tell errors apart by, and there is a class for each in
    `sessiond.errors`. The message is for people; `data` names the culprit and the next
    step.
    """

    reason: str
    code: int
    data: Any

    def __init__(self, message: str, reason: str, code: int, data: Any) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.data = data


class UnreachableError(ConnectionError):
    """Nobody listens on the socket, or it cannot be used."""

    def __init__(self, socket: str, why: str) -> None:
        super().__init__(f"{socket}: {why}")
        self.socket = socket


class ForeignError(UnreachableError):
    """The socket is another user's: nothing was sent."""


class DisconnectedError(ConnectionError):
    """The connection broke before the answer came.

    Whether the daemon has done what it was asked is unknown. With an `idempotency_key`
    or a `message_id` it can be asked again.
    """


class ClosedError(RuntimeError):
    """The client was closed."""

    def __init__(self) -> None:
        super().__init__("the client is closed")


class ProtocolError(Exception):
    """The daemon sent what the protocol does not have."""
