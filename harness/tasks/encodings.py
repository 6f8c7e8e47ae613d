"""How the characters of a text file are stored: the names that Python knows."""

from __future__ import annotations

from typing import Final

from harness.core.errors import nearest_hint

_ENCODINGS: Final = (
    "utf-8", "utf-16", "cp1250", "cp1251", "cp1252", "latin-1", "gb18030", "big5", "shift_jis",
    "euc_kr",
)  # fmt: skip


def check_encoding(name: str) -> str:
    """The name of a text encoding, as it was given.

    Raises:
        ValueError: Python knows no such encoding of texts; the message offers the nearest ones.
    """
    try:
        "".encode(name)
    except (LookupError, ValueError):
        near = nearest_hint(name.casefold(), _ENCODINGS)
        raise ValueError(f"unknown encoding {name!r}.{near or ' An example: cp1252'}") from None
    return name
