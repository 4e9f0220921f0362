"""Lines, requests and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from . import errors
from ._errors import ProtocolError, SessiondError

# The longest line that a daemon takes, unless it was told otherwise.
MAX_REQUEST_BYTES = 32 << 20


class Lines:
    """Cuts chunks into lines, looking at each byte once, however long a line is."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def push(self, chunk: bytes) -> Iterator[bytes]:
        """Takes a chunk, and yields the lines that end in it, without their newlines."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._parts.append(chunk[start:end])
            line = b"".join(self._parts)
            self._parts = []
            start = end + 1
            yield line
        if start < len(chunk):
            self._parts.append(chunk[start:])


def request_line(id: int, method: str, params: Mapping[str, Any] | None, limit: int) -> bytes:
    """The line of a request. One that the daemon would not take is refused here: it would hang up."""
    given = {name: value for name, value in (params or {}).items() if value is not None}
    request = {"jsonrpc": "2.0", "id": id, "method": method, "params": given}
    line = json.dumps(request, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    if len(line) > limit:
        raise errors.LimitExceeded(
            f"the request has {len(line)} bytes, and the daemon takes at most {limit}",
            "limit_exceeded",
            errors.LimitExceeded.code,
            {
                "reason": "limit_exceeded",
                "limit": limit,
                "setting": "max_request_bytes",
                "hint": "start the daemon with a higher --max-request-bytes, and say the same to the client",
            },
        )
    return line + b"\n"


def parse(line: bytes) -> dict[str, Any]:
    """Reads one line of the daemon's."""
    try:
        message = json.loads(line)
    except ValueError as err:
        raise ProtocolError("the daemon sent something that is not JSON") from err
    if not isinstance(message, dict):
        raise ProtocolError("the daemon sent something that is no message")
    return message


def typed(error: Mapping[str, Any]) -> SessiondError:
    """Makes the exception of an error on the wire; JSON-RPC's own may come without a reason."""
    code = error.get("code", 0)
    data = dict(error.get("data") or {})
    by_code = (reason for reason, c in errors.BY_REASON.items() if c.code == code)
    reason = str(data.get("reason") or next(by_code, "internal_error"))
    data["reason"] = reason
    return errors.BY_REASON.get(reason, SessiondError)(error.get("message", ""), reason, code, data)
