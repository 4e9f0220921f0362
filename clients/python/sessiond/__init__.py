"""Client of sessiond, the daemon that runs Claude Code sessions. Begin with `connect`."""

from __future__ import annotations

from . import errors, types
from ._client import Client, connect
from ._errors import (
    ClosedError,
    DisconnectedError,
    ProtocolError,
    SessiondError,
    UnreachableError,
)
from ._socket import socket_path
from ._status import is_final

__all__ = [
    "Client",
    "ClosedError",
    "DisconnectedError",
    "ProtocolError",
    "SessiondError",
    "UnreachableError",
    "connect",
    "errors",
    "is_final",
    "socket_path",
    "types",
]
