"""An instruction taken apart: its sentences, what each is for, and what the main one asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from perturbations.base import Span, Subject
from perturbations.protect import merge_spans
from perturbations.request_parse import QUOTED, Ask, asks_answer, parse, role_of
from perturbations.tokens import is_within

Kind = Literal[
    "role",
    "setting",
    "command",
    "question",
    "answer",
    "condition",
    "field",
    "item",
    "block",
    "other",
]
"""What a sentence is for; `field` is an input's place or an answer cue, `item` a list's line,
`block` a protected span of several lines, such as code."""

LINE_KINDS: Final[frozenset[Kind]] = frozenset({"item", "block"})
"""What has lines of its own, which nothing may join, part or follow in its line."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Characters `start:end` of the text, white space left out, and what they are for."""

    start: int
    end: int
    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Reading:
    """A text's sentences and, where it is recognised, what the main one asks."""

    text: str
    label_words: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    main: Sentence | None
    ask: Ask | None

    def with_sentences(self, new: Mapping[Sentence, str]) -> str:
        """The text with some sentences replaced; one replaced by nothing leaves no gap."""
        parts, done = [], 0
        for sentence in self.sentences:
            if sentence in new:
                parts += [self.text[done : sentence.start], new[sentence]]
                done = sentence.end
                if not new[sentence]:
                    parts[-2] = parts[-2].rstrip()
        return "".join([*parts, self.text[done:]]).strip()


def read(subject: Subject) -> Reading:
    """The reading of a subject's text."""
    sentences = split(subject)
    asks = {
        s.start: parse(s.text, subject.label_words)
        for s in sentences
        if s.kind in _ASKING and not _goes_on(subject.text, s)
    }
    ranked = sorted(
        (s for s in sentences if asks.get(s.start)), key=lambda s: _rank(s, asks[s.start])
    )
    main = ranked[0] if ranked else None
    ask = asks[main.start] if main else None
    return Reading(subject.text, subject.label_words, sentences, main, ask)


def _goes_on(text: str, sentence: Sentence) -> bool:
    """Whether a sentence with an input first goes on from the line before: `with {b} and ...`."""
    before = text[: sentence.start].rstrip(" ")
    return bool(
        _STARTS_WITH_INPUT.match(sentence.text) and _OPEN_LINE.search(before[-_LONGEST_END:])
    )


def split(subject: Subject) -> tuple[Sentence, ...]:
    """The sentences, list items and field lines of a subject's text, in order."""
    return _split(subject.text, subject.protected, subject.label_words)


# Every sentence and semantic perturbation of a text asks for the same.
@lru_cache(maxsize=64)
def _split(
    text: str, protected: tuple[Span, ...], label_words: tuple[str, ...]
) -> tuple[Sentence, ...]:
    found: list[Sentence] = []
    closed = _closed_spans(text, protected)
    blocks = [(span.start, span.end) for span in protected if _is_block(text, span)]
    for start, end in _lines(text, blocks):
        if (start, end) in blocks:
            found.append(Sentence(start, end, text[start:end], "block"))
            continue
        pieces = [(start, end)]
        if not _FIELD.match(text[start:end]) and not _ITEM.match(text[start:end]):
            pieces = _split_line(text, start, end, closed)
        found += [
            _sentence(text, label_words, *piece) for piece in pieces if text[slice(*piece)].strip()
        ]
    return tuple(found)


def has_role(subject: Subject) -> bool:
    """Whether the text tells the reader who they are."""
    reading = read(subject)
    if reading.ask and role_of(reading.ask.lead):
        return True
    return any(s.kind == "role" or _ROLE.search(s.text) for s in reading.sentences)


def refers_back(text: str) -> bool:
    """Whether a sentence has words that only what stands before it can explain."""
    return bool(_REFERS_BACK.search(text))


def _lines(text: str, blocks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The text's lines; one that goes on in the next, in lower case, is one line with it.

    A block is a line of its own, whatever it holds, and parts the line that it stands in.
    """
    lines: list[tuple[int, int]] = []
    done = 0
    for start, end in blocks:
        lines += [*_plain_lines(text, done, start), (start, end)]
        done = end
    return [*lines, *_plain_lines(text, done, len(text))]


def _is_block(text: str, span: Span) -> bool:
    """Whether a protected span has several lines, or is a line by its indentation."""
    said = text[span.start : span.end]
    return "\n" in said or (
        said[0].isspace() and text[max(0, span.start - 1) : span.start] in ("", "\n")
    )


def _plain_lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    lines: list[tuple[int, int]] = []
    for match in _LINE.finditer(text, start, end):
        before = text[slice(*lines[-1])] if lines else ""
        wrapped = before and lines[-1][1] == match.start() - 1 and _GOES_ON.match(match.group())
        if wrapped and not _LINE_END.search(before[-_LONGEST_END:]) and not _ITEM.match(before):
            lines[-1] = (lines[-1][0], match.end())
        else:
            lines.append(match.span())
    return lines


def _sentence(text: str, label_words: tuple[str, ...], start: int, end: int) -> Sentence:
    piece = text[start:end]
    begin = start + len(piece) - len(piece.lstrip())
    said = piece.strip()
    return Sentence(begin, begin + len(said), said, _kind(said, label_words))


def _closed_spans(text: str, protected: tuple[Span, ...]) -> tuple[Span, ...]:
    """Where no sentence may end: protected spans, quoted strings, brackets."""
    quoted = [Span(*match.span(), "quotation") for match in QUOTED.finditer(text)]
    return merge_spans([*quoted, *protected])


def _split_line(text: str, start: int, end: int, closed: tuple[Span, ...]) -> list[tuple[int, int]]:
    lead = _LEADING_INPUT.match(text, start, end)
    pieces, begun = [(start, lead.end())] if lead else [], lead.end() if lead else start
    for match in _BOUNDARY.finditer(text, start, end):
        # The last mark of a quotation may end the sentence that it ends.
        inside = is_within(match.start(), closed)
        rest = text[match.end() : min(end, match.end() + 8)].lstrip()
        begin = max(start, match.end() - _LONGEST_ABBREVIATION)
        abbreviated = _ABBREVIATION.search(text[begin : match.end()])
        if abbreviated and abbreviated[0] == "etc.":
            abbreviated = None  # It ends what it ends, where a capital follows.
        if inside or (rest and rest[0].islower()) or abbreviated:
            continue
        pieces.append((begun, match.end()))
        begun = match.end()
    return [*pieces, (begun, end)] if text[begun:end].strip() else pieces


def _kind(text: str, label_words: tuple[str, ...]) -> Kind:
    if not re.search(r"[^\W\d_]", text):
        return "field"
    if text.endswith("?") and not _LABELLED.match(text):
        return "question"
    for kind, pattern in _KINDS:
        if pattern.match(text):
            return kind
    ask = parse(text, label_words)
    if ask is None:
        return "other"
    return "answer" if all(asks_answer(p, label_words) for p in ask.phrases) else "command"


def _rank(sentence: Sentence, ask: Ask | None) -> int:
    """How far a sentence is from being the main one; a stable sort keeps the first of equals."""
    if sentence.kind == "command" and ask is not None:
        return 0 if any(p.decides or not p.verb.prepares for p in ask.phrases) else 2
    return 1 if sentence.kind == "question" else 3


_ASKING: Final = {"command", "question", "answer"}
_STARTS_WITH_INPUT: Final = re.compile(r"[\"'“‘]?[{<\[]")
_OPEN_LINE: Final = re.compile(r"[a-z]\n$")
_BOUNDARY: Final = re.compile(r"[.?!]+[\"'”’)]*(?=\s|$)")
_LINE: Final = re.compile(r"[^\n]+")
_LONGEST_END: Final = 80
_LINE_END: Final = re.compile(r"[.?!:;][\"'”’)]*\s*$")
_GOES_ON: Final = re.compile(r"\s*(?![a-z][.)] )(?:[a-z]|['\"“‘][a-z])")
_LONGEST_ABBREVIATION: Final = 8
_ABBREVIATION: Final = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|Mr|Ms|Dr|No|[A-Z])\.$")
# A line, or the head of one, that is the place of an input: `{text}`, `Fact 1: {a}{b}.`
_INPUT: Final = r"(?:\{[^{}\n]*\}|\{\{[^{}\n]*\}\}|<\w+>|_{2,})"
_LEADING_INPUT: Final = re.compile(rf"\s*[\"'“‘]?{_INPUT}[\"'”’]?(?=\s+[A-Z])")
_FIELD: Final = re.compile(
    r"\s*(?:[A-Z#][\w /'#-]{0,30}:\s*)?"
    rf"(?:(?:[\"'“‘]?{_INPUT}[\"'”’]?\s*)+[.?!]?|\{{\{{[^\n]*\}}\}})\s*$"
    r"|\s*(?!(?i:read|classify|determine|decide|consider|look|given)\b)[A-Z#][\w/'#-]*"
    r"(?: [\w/'#-]+){0,2}:\s*$"
)
_ITEM: Final = re.compile(r"\s*(?:[-*•]|\d+[.)]|\(?[a-zA-Z][.)])\s+\S")
_LABELLED: Final = re.compile(r"(?:Question|Q|Input|Text|Sentence|Passage|Context|Title) ?\d?: ")
_NOT_ROLE: Final = r"(?!given|shown|provided|presented|asked|expected|required|to|going|about)"
_KINDS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("field", _FIELD),
    ("item", _ITEM),
    (
        "setting",
        re.compile(
            r"(?:In this task, )?"
            r"(?:You (?:are|will be|have been) (?:given|shown|provided|presented)"
            r"|You will (?:see|read|get|receive|find)|Here (?:is|are)|Below (?:is|are|you)"
            r"|The following (?:is|are)|There (?:is|are)|I will (?:give|show))\b",
            re.IGNORECASE,
        ),
    ),
    (
        "role",
        re.compile(
            r"(?!.*\band [a-z]+ (?:the|this|these|if|whether)\b)"
            rf"(?:(?:(?:Imagine |Pretend )?(?:that )?you(?: are|['’]re) {_NOT_ROLE})"
            r"|You (?:work as|teach|write|run|edit|study)\b|(?:I want you to )?act as\b)",
            re.IGNORECASE,
        ),
    ),
    ("other", _LABELLED),
    ("condition", re.compile(r"(?:If|When|Otherwise|Unless)\b")),
    (
        "answer",
        re.compile(
            r"(?:Your|The) (?:only )?(?:possible |valid |allowed )?"
            r"(?:answer|response|output|reply|label|option|choice)s?"
            r" (?:should|must|can|is|are|has|to)\b"
            r"|(?:Possible|Valid|Available|Allowed|Permitted) \w+|(?:Options|Labels|Choices)\b.*:"
            r"|Only (?:answer|respond|reply|output|use|return)\b|(?:Do not|Don[’']t|Never)\b",
        ),
    ),
)
_ROLE: Final = re.compile(r"\b(?:imagine|pretend|suppose)\b|\bact as\b|\brole of\b", re.IGNORECASE)
_REFERS_BACK: Final = re.compile(
    r"\b(?:it|its|they|their|them|this|that|these|those|otherwise|so|also|then)\b"
    r"|\bif (?:yes|no|not)\b",
    re.IGNORECASE,
)
