from __future__ import annotations

from .types import Status


def is_final(status: Status) -> bool:
    """Whether a session in this status never changes again: its process is gone."""
    return status in ("completed", "failed", "interrupted")
