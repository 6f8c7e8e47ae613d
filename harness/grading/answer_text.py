"""What a model wrote, made ready to be read: reasoning taken out, writing made uniform.

Each step is a pure function of text to text; `clean_answer` is all of them in their order.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

BOLD_START: Final = "\ue000"
BOLD_END: Final = "\ue001"
"""Private characters that stand where Markdown's `**` or `__` began and ended bold text."""

_BLOCKS: Final = (
    "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|seed:think"
)
_TAG: Final = re.compile(
    rf"(?P<closing></(?:{_BLOCKS})\s*>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>)"
    rf"|<(?:{_BLOCKS})\b[^<>]*>|\[THINK\]|◁think▷|<\|begin_of_thought\|>",
    re.IGNORECASE,
)
_FINAL_CHANNEL: Final = re.compile(r"<\|channel\|>final<\|message\|>|\bassistantfinal\b")
_ANALYSIS_CHANNEL: Final = re.compile(r"<\|channel\|>(?:analysis|commentary)<\|message\|>")
_TURN_ENDS: Final = re.compile(
    r"<\|(?:im_end|eot_id|end_of_text|endoftext|end|return|eom_id)\|>|</s>|<eos>|<end_of_turn>"
)
_SPECIAL: Final = re.compile(r"<\|[^|<>\n]{1,40}\|>|</?s>|<bos>|<pad>")
_FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~)[\w+-]*[ \t]*$", re.MULTILINE)
_BOLD: Final = re.compile(r"\*\*([^*\n]{1,400})\*\*|(?<!\w)__([^_\n]{1,400})__(?!\w)")
_UNTICKED: Final = re.compile(r"^[ \t]*+(?:[-*][ \t]*+)?(?:\[ ?\]|☐).*$", re.MULTILINE)
_TICKED: Final = re.compile(r"^[ \t]*+(?:[-*][ \t]*+)?(?:\[[xX✓✔]\]|☑|☒)", re.MULTILINE)
_LINE_MARKS: Final = re.compile(
    r"^[ \t]*(?:(?:(?<!#)#{1,3}(?!#)|[>•*+]|-(?=[ \t]))[ \t]*)+", re.MULTILINE
)
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff\u202a-\u202e]")
_ALIKE: Final = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛`´ʼ＇", "'"),
        **dict.fromkeys("“”„‟«»「」『』《》〈〉＂", '"'),
        **dict.fromkeys("‐‑−﹣－", "-"),
        **dict.fromkeys("→⇒➜⟶", ">"),
    }
)


def clean_answer(text: str) -> str:
    """The answer without reasoning, special tokens and markup, in one form of writing.

    Example:
        >>> clean_answer("<think>It could be positive.</think> `Negative`").strip()
        "'Negative'"
    """
    cleaned = fold_writing(strip_markup(strip_reasoning(text)))
    return cleaned if cleaned.strip() else ""


def strip_reasoning(text: str) -> str:
    """What stands outside of reasoning blocks, up to the end of the model's turn.

    A block that is never closed reaches to the end of the text. A closing tag without an opening
    one ends a block that the prompt opened, so what stands before it is reasoning.
    """
    *_, text = _FINAL_CHANNEL.split(text)
    text = _ANALYSIS_CHANNEL.split(text)[0]
    kept: list[str] = []
    inside, end = False, 0
    for tag in _TAG.finditer(text):
        if tag["closing"] and not inside:
            kept = []
        elif not tag["closing"] and not inside:
            kept.append(text[end : tag.start()])
        inside, end = not tag["closing"], tag.end()
    if not inside:
        kept.append(text[end:])
    return _first_turn("\n".join(kept))


def _first_turn(text: str) -> str:
    turns = (part for part in _TURN_ENDS.split(text) if part.strip())
    return _SPECIAL.sub(" ", next(turns, ""))


def strip_markup(text: str) -> str:
    """Text without code fences, headings, bullets and italics; bold text between marks."""
    text = _FENCE.sub("", text)
    if _TICKED.search(text):
        text = _TICKED.sub("", _UNTICKED.sub("", text))
    text = _BOLD.sub(rf"{BOLD_START}\1\2{BOLD_END}", text)
    return _LINE_MARKS.sub("", text).replace("*", "")


def fold_writing(text: str) -> str:
    """Compatibility forms, quotes, hyphens and minus signs made equal; case is kept.

    `lower()` of the result has the result's length: the one letter that grows is replaced.
    """
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text).translate(_ALIKE))
    text = re.sub(r"\d", lambda digit: str(unicodedata.digit(digit[0])), text)
    text = re.sub(r"(?<!\S)[–—](?=\d)", "-", text.translate(_ALIKE))
    return text.replace("İ", "i").replace("i\u0307", "i")
