"""The references of a row, as the texts that graders compare with."""

from __future__ import annotations

import json


def reference_texts(value: object) -> tuple[str, ...]:
    """The texts of a row's answer field: of a list each item is a reference, any one is right.

    Objects become JSON, and so do lists within lists.

    Example:
        >>> reference_texts(["Paris", 7, True])
        ('Paris', '7', 'true')
        >>> reference_texts({"city": "Paris"})
        ('{"city": "Paris"}',)
        >>> reference_texts(None)
        ()
    """
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(_as_text(item) for item in items if item is not None)


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
