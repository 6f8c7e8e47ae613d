"""The moment at which something happened, as manifests keep it."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp() -> str:
    """Now, in UTC and to the second, such as `2026-11-29T12:30:00+00:00`."""
    return datetime.now(UTC).isoformat(timespec="seconds")
