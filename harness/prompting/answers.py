"""Reading the answer out of generated text: one reader, with these rules.

0. Reasoning (`<think>` and its like, closed or not) is no answer; special tokens, Markdown, quotes,
   case and the form of Unicode do not matter. Questions and lists of the choices are no answers.
1. The longest label word wins at a place; numbers are read whole; letters, and words such as "no"
   that mean other things too, count only where they stand as an answer (`label_mentions`).
2. A stated final answer ("The answer is X", "final answer: X", \\boxed{X}, "#### X") decides, the
   last one of several.
3. Otherwise a text whose first line is a label and nothing else is answered there: what follows is
   an explanation, or a base model that goes on with examples of its own.
4. Otherwise the last of these decides: "Label: X", {"label": "X"}, **X**, a last line or sentence
   that is X.
5. Otherwise the label that is all of the text, or that opens it where a stop, a comma or "because"
   follows; an adverb or interjection may lead it in ("Sadly, X.").
6. Otherwise what statements agree on ("I would say X", "it seems X", "c'est X", "X is correct",
   "mostly X", "not so much Y as X", "X? Yes."). What may or could be is no statement.
7. Otherwise the only label that is mentioned and not denied.
8. An answer by rules 2 and 4 to 7 that a later sentence flatly takes back ("It is not X.") is none.

A denied label ("not positive", "isn't", "no longer", "ne … pas", 不, ではない, 아니, "whether it is
positive") is no answer, and says another one only where a label's word is the denial ("not
equivalent"). Whatever is left, several labels without a statement above all, is unparsed. Of a text
longer than 20,000 characters the first and last 10,000 are read.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, takewhile
from typing import Final

from harness.grading.answer_text import BOLD_END, BOLD_START, clean_answer
from harness.grading.label_mentions import LabelFinder, Mention
from harness.prompting.answer_context import (
    REASONS,
    any_key_before,
    blank_questions,
    blank_scales,
    blank_spans,
    confirmed_after,
    denied_after,
    final_before,
    named_key_before,
    negated,
    set_off,
    stands_alone,
    states_before,
    taken_back,
)

_FAR: Final = 60
"""Characters beside a label that can bear on it."""
_END: Final = 10_000
"""Characters of a long answer's beginning and end that are read."""
_WORD: Final = re.compile(r"\w")
_BOLD_STARTS: Final = re.compile(rf"{BOLD_START}[\"'(]*\Z")
_BOLD_STOPS: Final = re.compile(rf"[.!\"')]*{BOLD_END}")
_EXPLANATION: Final = re.compile(rf"\n[ \t]*(?:{REASONS})\b[^\n]{{0,20}}[:：]", re.IGNORECASE)
_CHOICE: Final = re.compile(
    r"""(?:["']?\s*[:=(]\s*\d*[.,]?\d+\s*%?)?["'\s)(]*(?:,|/|\||;|、|，|或者|还是|或|和|か|と|または|또는|이나|และ|หรือ
    |\b(?:or|and|nor|vs\.?|versus|oder|und|ou|et|o|y|e|или|и|veya|ve)\b)
    ["'\s)(]*(?:(?:or|and|a|an|the)\b\s*)?["'(]*""",
    re.IGNORECASE | re.VERBOSE,
)
_NOTHING: Final = re.compile(r"""[\s"'(\[<>_.:-]*""")
_LEAD_IN: Final = re.compile(
    r"""\s*(?:(?:h+m+|well|ok(?:ay)?|oh|ah|so|sorry|alright|right|i'm\ afraid|in\ short|\w+ly
    |an?|definite|clear|firm|resounding|solid|strong|big|hard|simple)[\s,.…:-]+)*["']*""",
    re.IGNORECASE | re.VERBOSE,
)
_LAST_SENTENCE: Final = re.compile(r"\n|(?<=[\w·])[.!?:]\s")
_LINE_ENDS: Final = re.compile(r"""[\s"')\]}>.!,;:。！]*(?:\n|$)""")
_OPENING_ENDS: Final = re.compile(
    r"""["')\]}]*(?:[.!,;:。！，、)\]-]|的[。，]?|\s+[-–—(]|\s*(?:\n|$)
    |\s+(?:because|since|as|for|with|due|i|it|this|the|they|he|she|we|you)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_BOLD_ENDS: Final = re.compile(r"[\s.!\"')]*(?:[.!,;)]|\n|$|(?:because|since|as)\b)")
_ENDED: Final = re.compile(r"[\"')]*(?:\s*\n|[.!;](?!\d)|\))")
_MAY_BE_A_FRACTION: Final = re.compile(r"[\W_]*\d+[.,]")
_CONTRAST: Final = re.compile(
    rf"[.!?。！\n]|\b(?:{REASONS}|although|though|despite|rather|than|instead|not|even|while"
    r"|with|except|apart)\b"
)


class LabelParser:
    """Reads a label out of generated text by the rules of this module.

    Args:
        verbalizer_of: Label name -> the word the model should say.

    Example:
        >>> parser = LabelParser({"pos": "positive", "neg": "negative"})
        >>> parser.parse("Positive or negative? I would say **negative**.")
        'neg'
        >>> parser.parse("It is not positive.") is None
        True
    """

    def __init__(self, verbalizer_of: Mapping[str, str]) -> None:
        self._verbalizer_of = dict(verbalizer_of)  # a plain one travels to other machines

    @cached_property
    def _finder(self) -> LabelFinder:
        """Made at the first text, as thousands of labels take a second to compile."""
        return LabelFinder(self._verbalizer_of)

    def parse(self, text: str) -> str | None:
        """The label, or None where the text is unparsed."""
        cleaned = _ends(clean_answer(text).strip())
        whole = _Reading(cleaned, self._finder)
        stated = whole.stated()
        if stated is not None:
            return stated
        answer = _EXPLANATION.split(f"\n{cleaned}", maxsplit=1)[0].strip()
        if answer and answer != cleaned:
            found = _Reading(answer, self._finder).answer()
            return found if found is not None else whole.answer()
        return whole.answer()

    def is_decided(self, text: str) -> bool:
        """Whether generation may stop: the text opens with a label that has ended.

        What follows can only be an explanation or a revision, which an answer of a few tokens has
        no room for. A label that may still grow ("not" into "not equivalent", 1 into 1.5) waits.
        """
        said = clean_answer(text).lstrip()
        opening = _Reading(said, self._finder).opening
        if opening is None or self._finder.can_grow(said[opening.start :], opening.label):
            return False
        return bool(_ENDED.match(_plain(said[opening.end :]))) and not _MAY_BE_A_FRACTION.fullmatch(
            said
        )


@dataclass(frozen=True)
class _Reading:
    """One text and the labels in it."""

    text: str
    finder: LabelFinder

    @cached_property
    def asserted(self) -> str:
        """The text, its questions, scales and lists of choices blanked out at equal length."""
        text = blank_questions(self.text, yes_confirms=not self.finder.find("yes"))
        text = blank_scales(text, self.finder.largest)
        return blank_spans(text, _choices(text, self.finder.find(text)))

    @cached_property
    def mentions(self) -> list[Mention]:
        """The labels in `asserted`."""
        return self.finder.find(self.asserted)

    def stated(self) -> str | None:
        """The last final answer; one under a key may come later. None without a final answer."""
        final = self._said(final_before)
        if not final:
            return None
        keyed = [] if self._answered_in_first_line() else self._keyed()
        label = max([*final, *keyed], key=lambda mention: mention.start).label
        return None if self._is_taken_back(label) else label

    def answer(self) -> str | None:
        """The label by the rules that follow the final answer's."""
        if self.opening is not None and self._answered_in_first_line():
            return self.opening.label
        label = self._shown() or self._argued()
        return None if label is None or self._is_taken_back(label) else label

    def _shown(self) -> str | None:
        """The label by its place: under a key, set off, alone, or at the beginning."""
        keyed = self._keyed()
        if keyed:
            return keyed[-1].label
        if self._says_one_label():
            return self.mentions[0].label
        opening = self.opening or self._led_in()
        return opening.label if opening else None

    def _argued(self) -> str | None:
        """The label that statements agree on, or the only one that is mentioned."""
        stated = [*self._said(states_before), *self._confirmed()]
        labels = {mention.label for mention in stated}
        if len(labels) == 1 and not any(self._other_follows(mention) for mention in stated):
            return labels.pop()
        return self._only_mention()

    @cached_property
    def opening(self) -> Mention | None:
        """The label that begins the text and is set off from what follows."""
        first = self.mentions[0] if self.mentions else None
        if first is None or not _NOTHING.fullmatch(_plain(self.text[: first.start])):
            return None
        return first if _OPENING_ENDS.match(self._after(first)) else None

    def _led_in(self) -> Mention | None:
        """The label that an adverb or interjection leads in ("Sadly, no"), no other following."""
        first = self.mentions[0] if self.mentions else None
        if first is None or not _LEAD_IN.fullmatch(_plain(self.text[: first.start])):
            return None
        ends = _OPENING_ENDS.match(self._after(first))
        taken = self._is_negated(first) or self._other_follows(first)
        return first if ends and not taken else None

    def _says_one_label(self) -> bool:
        """Whether the text is one label, said once or several times."""
        spans = [(mention.start, mention.end) for mention in self.mentions]
        alike = len({mention.label for mention in self.mentions}) == 1
        return alike and not _WORD.search(blank_spans(self.text, spans))

    def _is_taken_back(self, label: str) -> bool:
        """Whether a later sentence says that it is not this label, and no more."""
        own = [mention for mention in self.mentions if mention.label == label]
        return bool(own) and taken_back(self._before(own[-1]), self._after(own[-1]))

    def _answered_in_first_line(self) -> bool:
        return self.opening is not None and bool(_LINE_ENDS.match(self._after(self.opening)))

    def _keyed(self) -> list[Mention]:
        """Labels under a key that means the answer, in bold, or alone on the last line, in order.

        Any short key will do where there is none of these.
        """
        named = self._said(named_key_before)
        shown = [m for m in self.mentions if self._is_bold(m) or self._is_last_line(m)]
        other = [m for m in self._said(any_key_before) if set_off(self._after(m))]
        return sorted([*named, *shown], key=lambda mention: mention.start) or other

    def _is_bold(self, mention: Mention) -> bool:
        before = self.asserted[max(0, mention.start - 4) : mention.start]
        after = self.asserted[mention.end : mention.end + _FAR]
        inside = _BOLD_STARTS.search(before) and _BOLD_STOPS.match(after)
        return bool(inside and _BOLD_ENDS.match(_plain(after)))

    def _is_last_line(self, mention: Mention) -> bool:
        before = self.asserted[max(0, mention.start - _FAR) : mention.start]
        start = mention.start - len(_LAST_SENTENCE.split(before)[-1])
        if (start > 0 and start == mention.start - _FAR) or _WORD.search(
            self.asserted, mention.end
        ):
            return False
        return _NOTHING.fullmatch(_plain(self.asserted[start : mention.start])) is not None

    def _said(self, announced: Callable[[str], bool]) -> list[Mention]:
        """Mentions that the text before them announces, that stand alone and are not negated."""
        return [
            mention
            for mention in self.mentions
            if announced(self._before(mention))
            and stands_alone(mention, self._after(mention))
            and not self._is_negated(mention)
        ]

    def _confirmed(self) -> list[Mention]:
        """Mentions that are called right by what follows them."""
        return [one for one in self._said(lambda _: True) if confirmed_after(self._after(one))]

    def _other_follows(self, mention: Mention) -> bool:
        """Whether the sentence goes on to another label, not to a reason or a contrast."""
        rest = self.asserted[mention.end : mention.end + 4 * _FAR].lower()
        end = mention.end + len(_CONTRAST.split(rest, maxsplit=1)[0])
        first = bisect_left(self.mentions, mention.end, key=lambda other: other.start)
        following = takewhile(lambda other: other.start < end, self.mentions[first : first + _FAR])
        return any(o.label != mention.label and not o.fragile for o in following)

    def _only_mention(self) -> str | None:
        """The only label that is mentioned, or the only one that is not denied while others are."""
        counted = [mention for mention in self.mentions if not mention.fragile]
        denied = {m.label for m in counted if self._is_negated(m)}
        named = {m.label for m in counted if m.label not in denied}
        if len(named) == 1:
            return named.pop()
        meant = {self.finder.negated(label) for label in denied}
        return meant.pop() if len(meant) == 1 and not named else None

    def _is_negated(self, mention: Mention) -> bool:
        return negated(self._before(mention), self._after(mention))

    def _before(self, mention: Mention) -> str:
        return _plain(self.asserted[max(0, mention.start - 2 * _FAR) : mention.start])

    def _after(self, mention: Mention) -> str:
        return _plain(self.asserted[mention.end : mention.end + _FAR])


def _ends(text: str) -> str:
    """The text, or the beginning and end of one that no model writes on purpose."""
    return text if len(text) <= 2 * _END else f"{text[:_END]}\n\n{text[-_END:]}"


def _plain(text: str) -> str:
    """The text without the marks of bold."""
    return text.replace(BOLD_START, "").replace(BOLD_END, "")


def _choices(text: str, mentions: list[Mention]) -> list[tuple[int, int]]:
    """Where different labels are listed side by side ("positive or negative")."""
    spans: list[tuple[int, int]] = []
    for first, second in pairwise(mentions):
        between = _plain(text[first.end : second.start])
        if first.label == second.label or not _CHOICE.fullmatch(between):
            continue
        denied = negated(_plain(text[max(0, first.start - _FAR) : first.start]), "")
        after = _plain(text[second.end : second.end + _FAR])
        if between.strip() == "," and denied_after(after):  # "no, yes would be wrong"
            continue
        if not denied and stands_alone(second, after):
            spans += [(first.start, first.end), (second.start, second.end)]
    return spans
