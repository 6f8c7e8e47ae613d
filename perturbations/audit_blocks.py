"""What of a text is no prose, for the audit: code, braces, tags, tables, front matter, mathematics.

Found by walking over lines and characters; shares nothing with `perturbations.protect`.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from typing import Final


def take_blocks(text: str) -> tuple[str, list[str]]:
    """Return the text without its blocks, a space for each, and the blocks."""
    rest, blocks = _take_lines(text)
    prose: list[str] = []
    place, ends = 0, _brace_ends(rest)
    while place < len(rest):
        end = ends.get(place, 0) or _marked_end(rest, place)
        if end:
            blocks.append(rest[place:end])
        prose.append(" " if end else rest[place])
        place = end or place + 1
    return "".join(prose), blocks


def _take_lines(text: str) -> tuple[str, list[str]]:
    """The lines of prose, and those of fences, indented code, tables and front matter."""
    lines = text.split("\n")
    taken = {*_front_matter(lines), *_table_rows(lines)}
    outside: list[str] = []
    inside: list[str] = []
    fence = ""
    for number, line in enumerate(lines):
        mark = line.strip()[:3]
        if mark in _FENCES and (not fence or mark == fence):
            fence = "" if fence else mark
            inside.append(line.strip())
        elif number in taken:
            inside.append(line.strip())
        else:
            coded = fence or (line.startswith(("    ", "\t")) and line.strip())
            (inside if coded else outside).append(line)
    return "\n".join(outside), inside


def _front_matter(lines: Sequence[str]) -> range:
    """The lines between a first line `---` and the next one."""
    if lines[0].rstrip() == "---":
        for number in range(1, min(len(lines), _LONGEST_FRONT)):
            if lines[number].rstrip() in {"---", "..."}:
                return range(number + 1)
    return range(0)


def _table_rows(lines: Sequence[str]) -> Iterator[int]:
    """The lines of a table: a rule and its neighbours with bars, or rows between outer bars."""
    barred = ["|" in line or _is_rule(line) for line in lines]
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and barred[end]:
            end += 1
        block = lines[start:end]
        ruled = any(map(_is_rule, block)) and any("|" in line for line in block)
        framed = all(line.strip()[:1] in ("|", "+") and _closed(line) for line in block)
        if len(block) > 1 and (ruled or framed):
            yield from range(start, end)
        start = max(end, start + 1)


def _is_rule(line: str) -> bool:
    said = line.strip()
    return "-" in said and set(said) <= set("|-:+= ") and (len(said) > 2 or "|" in said)


def _closed(line: str) -> bool:
    said = line.strip()
    return len(said) > 1 and said[-1] == said[0]


def _brace_ends(text: str) -> dict[int, int]:
    """Where braces that belong together begin and end."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for place, char in enumerate(text):
        if char == "{":
            opened.append(place)
        elif char == "}" and opened and place - opened[-1] < _LONGEST:
            ends[opened.pop()] = place + 1
    return ends


def _marked_end(text: str, place: int) -> int:
    """Where the tag, entity, token, shortcode or formula that begins here ends; 0 for none."""
    char, after = text[place], text[place + 1 : place + 2]
    if char == "[":
        end = text.find("]", place, place + _LONGEST_TAG) + 1
        said = text[place + 1 : end - 1].strip("/")
        return end if said[:2].isupper() or (said.isalpha() and said[1:].isupper()) else 0
    if char == "<" and after and after in _TAG_STARTS:
        end = text.find(">", place, place + _LONGEST_TAG)
        return 0 if "<" in text[place + 1 : end + 1] else end + 1
    if char == "&":
        end = text.find(";", place, place + _LONGEST_ENTITY)
        said = text[place + 1 : end].removeprefix("#")
        return end + 1 if end > 0 and said.isalnum() and said.isascii() else 0
    if char == ":":
        return _shortcode_end(text, place)
    return _formula_end(text, place) if char in "$\\" else 0


def _shortcode_end(text: str, place: int) -> int:
    end = text.find(":", place + 2, place + _LONGEST_ENTITY)
    said = text[place + 1 : end]
    beside = text[max(0, place - 1) : place] + text[end + 1 : end + 2]
    known = end > 0 and set(said) <= _SHORTCODE and any(map(str.isalnum, said))
    return end + 1 if known and not beside.isalnum() and ":" not in beside else 0


def _formula_end(text: str, place: int) -> int:
    """Where a formula between dollars, escaped brackets, or `begin` and `end` stops."""
    for opening, closing in (("$$", "$$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if text.startswith(opening, place):
            end = text.find(closing, place + 2, place + _LONGEST_FORMULA)
            return end + 2 if end > 0 else 0
    if text.startswith("\\begin{", place):
        name = text[place + 6 : text.find("}", place) + 1]
        end = text.find(f"\\end{name}", place, place + _LONGEST)
        return end + 4 + len(name) if end > 0 else 0
    return _inline_end(text, place) if text[place] == "$" else 0


def _inline_end(text: str, place: int) -> int:
    """Where `$x^2$` stops; two sums of money are no formula."""
    end = text.find("$", place + 1, place + _LONGEST_TAG)
    said = text[place + 1 : end]
    if end < 0 or "\n" in said or said != said.strip() or not said:
        return 0
    before, after = text[max(0, place - 1) : place], text[end + 1 : end + 2]
    if before.isalnum() or after.isalnum():
        return 0
    return end + 1 if _OPERATORS & set(said) or (len(said) == 1 and said.isalpha()) else 0


_LONGEST: Final = 20_000
_LONGEST_FORMULA: Final = 2_000
_LONGEST_TAG: Final = 400
_LONGEST_ENTITY: Final = 42
_LONGEST_FRONT: Final = 200
_FENCES: Final = ("```", "~~~")
_TAG_STARTS: Final = frozenset(string.ascii_letters + "/|!｜")
_SHORTCODE: Final = frozenset(string.ascii_lowercase + string.digits + "_+-")
_OPERATORS: Final = frozenset("\\^_={}+*/<>")
