"""Where the daemon is, and how to reach it."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
import time
from collections.abc import Mapping

from ._errors import ForeignError, UnreachableError

# How much of a connection is read ahead of whoever takes it.
READ_AHEAD = 64 << 10

# How long a daemon is given to which more are connecting than it can take at once.
CROWD_PATIENCE = 30.0


def socket_path(environ: Mapping[str, str] | None = None) -> str:
    """Where the daemon's socket is, as the protocol says.

    `$SESSIOND_SOCKET`; else `sessiond.sock` in `$SESSIOND_STATE_DIR`; else in
    `$XDG_RUNTIME_DIR/sessiond`; else in the default state directory. What only the
    daemon's configuration file says is not known here.
    """
    env = os.environ if environ is None else environ
    name = "sessiond.sock"
    if env.get("SESSIOND_SOCKET"):
        return env["SESSIOND_SOCKET"]
    if env.get("SESSIOND_STATE_DIR"):
        return os.path.join(env["SESSIOND_STATE_DIR"], name)
    for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        base = env.get(variable, "")
        if os.path.isabs(base):  # XDG has relative ones ignored
            return os.path.join(base, "sessiond", name)
    home = env.get("HOME") or os.path.expanduser("~")
    return os.path.join(home, ".local", "state", "sessiond", name)


async def dial(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connects to a socket, at whose other end has to be the user's own daemon."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        deadline = time.monotonic() + CROWD_PATIENCE
        while True:
            try:
                sock.connect(path)  # a Unix socket connects at once, or not at all
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.001)
        _check_peer(sock, path)
        return await asyncio.open_unix_connection(sock=sock, limit=READ_AHEAD)
    except BaseException as err:
        sock.close()
        if isinstance(err, (FileNotFoundError, ConnectionRefusedError)):
            raise UnreachableError(
                path, "no daemon listens there: any `sessiond` command starts one, `sessiond serve` in the foreground"
            ) from err
        if isinstance(err, OSError) and not isinstance(err, UnreachableError):
            raise UnreachableError(path, str(err)) from err
        raise


def _check_peer(sock: socket.socket, path: str) -> None:
    """Prompts and secrets will go there: it has to be the user who listens."""
    if sys.platform == "linux":
        size = struct.calcsize("3i")
        _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    else:
        uid = os.stat(path).st_uid
    if uid != os.getuid():
        raise ForeignError(path, f"belongs to another user (uid {uid}): nothing was sent")
