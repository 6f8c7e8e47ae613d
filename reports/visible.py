"""Text from models, tasks and files, made safe to look at: nothing invisible, nothing endless.

Escaping for a format (HTML, Markdown, XML) comes after this and belongs to that format's module.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

TEXT_LIMIT: Final = 4000
"""Characters of one text that a report shows."""

# Characters that move, hide or restyle the text around them: controls (ANSI escapes begin with
# one), bidirectional marks, zero-width characters, lone surrogates, noncharacters.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
    # Joiners shape Arabic, Indic scripts and emoji; between ASCII characters they only hide.
    "|(?<=[\x20-\x7e])[\u200c\u200d]|[\u200c\u200d](?=[\x20-\x7e])"
)


def visible(text: object, *, limit: int = TEXT_LIMIT) -> str:
    """`text` with every hidden character spelled out, cut after `limit` characters."""
    whole = str(text)
    shown = _HIDDEN.sub(_spell_out, whole[:limit].replace("\r\n", "\n"))
    left_out = len(whole) - limit
    return shown if left_out <= 0 else f"{shown}… ({left_out:,} more characters)"


def one_line(text: object, *, limit: int = TEXT_LIMIT) -> str:
    """`visible(text)` with its line breaks shown as ⏎."""
    return visible(text, limit=limit).replace("\n", " ⏎ ").replace("\t", " ")


def short(text: object, limit: int) -> str:
    """`text` on one line in at most `limit` characters, for where there is room for no more."""
    shown = one_line(text)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def letter_origin(letter: str) -> str:
    """The script, the letter and its code point, such as 'Cyrillic е U+0435'."""
    script = unicodedata.name(letter, "").split(" ", 1)[0].capitalize()
    return f"{script} {letter} U+{ord(letter):04X}".lstrip()


def _spell_out(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found.group()):04X}⟩"
