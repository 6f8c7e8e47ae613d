"""Ways to damage a file: its bytes, or the values in it, keeping the form around them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import yaml

Place = tuple[Any, ...]
"""Keys and positions from the top of a document to a value."""

_HUGE, _DEEP = "@huge@", "@deep@"
HOSTILE: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2**63, _HUGE, float("nan"), float("inf"), -1e308, 0.5, "", " ",
    "\n", "x", "yes", "1", "nan", "\ud800", "\x00", "\u202e", "<|im_end|>", "e\u0301",
    "y" * 100_000,
    "{{ text }}", "{{ 1 / 0 }}", "{{ ''.__class__ }}", "{% for a in range(9999) %}", "{text}",
    "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "{{ 'x' * 10 ** 10 }}", "{% include 'x' %}", "../../etc/passwd", "/dev/zero", "~", "a/b.yaml",
    "=1+1", [], {}, [None], [[]], {"": None}, {"a": {"b": 1}}, _DEEP, ["x"] * 2000,
)  # fmt: skip
"""Values that no reader should trip over."""

_INSERTED: tuple[bytes, ...] = (
    b"\xff", b"\x00", b"\xef\xbb\xbf", b"\n", b"\r", b'"', b"'", b"{", b"}", b"[", b",", b":",
    b"\xed\xa0\x80", b"NaN", b"1e999", b"&a [*a, *a]", b"!!python/object:os.system ", b"\t", b"- ",
    b"9" * 5000, b"[" * 5000, b"\x85", b"\xe2\x80\xa8",
)  # fmt: skip


def damage_bytes(content: bytes, rng: Random) -> bytes:
    """The bytes with one to three changes: flipped, cut, inserted, doubled or zeroed."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(changed) + 1)
        end = min(len(changed), start + rng.choice([1, 4, 64, 1000]))
        choice = rng.randrange(6)
        if choice == 0 and changed:
            changed[min(start, len(changed) - 1)] ^= 1 << rng.randrange(8)
        elif choice == 1:
            del changed[start:]
        elif choice == 2:
            del changed[start:end]
        elif choice == 3:
            changed[start:start] = rng.choice(_INSERTED)
        elif choice == 4:
            changed[start:start] = changed[start:end]
        else:
            changed[start:end] = bytes(end - start)
    return bytes(changed)


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Every place in a document, the top itself left out."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in items:
        yield (*here, key)
        if isinstance(part, dict | list):
            yield from places(part, (*here, key))


def change_value(document: Any, rng: Random) -> tuple[Any, Place, Any]:
    """The document with one value replaced, removed, doubled or renamed.

    Returns:
        The new document, the place, and the new value (the text "removed" where it is gone).
    """
    changed = copy.deepcopy(document)
    place = rng.choice(list(places(changed)))
    parent = changed
    for key in place[:-1]:
        parent = parent[key]
    choice = rng.randrange(8)
    if choice == 0:
        del parent[place[-1]]
        return changed, place, "removed"
    if choice == 1 and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[place[-1]]))
        return changed, place, "doubled"
    if choice == 1:
        parent[f"{place[-1]}s"] = parent.pop(place[-1])
        return changed, place, "renamed"
    value = rng.choice(HOSTILE)
    parent[place[-1]] = copy.deepcopy(value)
    return changed, place, value


def write_json(document: Any) -> bytes:
    """The document as JSON, with numbers and nesting that Python's writer refuses."""
    return _filled(json.dumps(document))


def write_jsonl(rows: Any) -> bytes:
    """A list as JSON Lines."""
    return b"".join(write_json(row) + b"\n" for row in rows)


def write_yaml(document: Any) -> bytes:
    """The document as YAML."""
    return _filled(yaml.safe_dump(document, sort_keys=False, width=10_000))


def read_jsonl(content: bytes) -> list[Any]:
    """The rows of JSON Lines."""
    return [json.loads(line) for line in content.splitlines()]


FORMS: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    ".json": (json.loads, write_json),
    ".jsonl": (read_jsonl, write_jsonl),
    ".yaml": (yaml.safe_load, write_yaml),
}
"""Suffix -> how a document is read and written."""


def _filled(text: str) -> bytes:
    for quote in ('"', "'"):
        text = text.replace(f"{quote}{_HUGE}{quote}", "9" * 5000)
        text = text.replace(f"{quote}{_DEEP}{quote}", "[" * 3000 + "]" * 3000)
    return text.encode()
