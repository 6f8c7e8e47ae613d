"""What one sentence of an instruction asks: its lead, its verb phrases, the form of the answer.

A shallow parse by word lists and word order, made for instructions. What is not recognised is
None, and no rule is applied to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from perturbations.resources import word_list
from perturbations.semantic.questions import QUOTES_WHOLE, command_of
from perturbations.word.verbs import Verb, gerunds, verb_at


@dataclass(frozen=True, slots=True)
class Phrase:
    """One verb phrase of a command: `and` + `carefully` + `compare` + `the two sentences`."""

    joint: str
    """What joins it to the one before, with its spaces; empty for the first."""
    adverb: str
    verb: Verb
    rest: str

    @property
    def decides(self) -> bool:
        """Whether it asks `whether`, `which`, `how`."""
        return self.verb.decides and bool(_CLAUSE.match(self.rest))


@dataclass(frozen=True, slots=True)
class Ask:
    """What the main sentence asks: `{lead}, {phrases}{answer}{end}`."""

    lead: str
    """`As a grammar checker`, `Given the sentence below`, or empty; without the comma."""
    phrases: tuple[Phrase, ...]
    answer: str
    """The request to answer in a form, as a sentence of its own; empty where there is none."""
    full: str
    """The command in the imperative, lower case, without frame, lead and full stop, the request
    to answer included."""
    end: str
    """The punctuation that ends the sentence."""
    aside: str = ""
    """A ban or a reservation that ends the sentence, as one of its own: `Don't explain it.`"""

    @property
    def core(self) -> str:
        """The command in the imperative without the request to answer."""
        return render(self.phrases)


@lru_cache(maxsize=512)
def parse(sentence: str, label_words: tuple[str, ...] = ()) -> Ask | None:
    """What one sentence asks, or None where it is not recognised as a request."""
    # After the tag of a template, or in a quotation, nothing is known about the sentence's end.
    if len(sentence) > _LONGEST_SENTENCE or sentence.endswith("%}") or leaves_open(sentence):
        return None
    body = sentence.rstrip(" .:?!,;")
    end = sentence[len(body) :].strip(" ,;")[:1]
    lead, rest = _split_lead(body)
    rest, aside = _split_aside(rest) if end in {"", ".", "!"} else (rest, "")
    frame = _FRAME.match(rest)
    if frame:
        rest = lower_first(rest[frame.end() :])
    elif end == "?":
        # The mark of `Answer this: {question}?` belongs to what the placeholder stands for.
        rest = "" if _verb_phrase(rest) else command_of(lower_first(rest))
        if lead and rest.startswith(QUOTES_WHOLE):
            # `On a scale of 0 to 1, what ...?` is about the answer, not about giving one.
            lead, rest = "", f"{QUOTES_WHOLE} {lower_first(body)}"
    phrases = _phrases(lower_first(rest))
    if not phrases:
        return None
    phrases, answer = _split_answer(phrases, label_words)
    return Ask(lead, phrases, answer, lower_first(rest), end, aside)


def render(phrases: tuple[Phrase, ...], form: Literal["base", "gerund"] = "base") -> str:
    """The phrases as one text, their verbs in the form that is asked for."""

    def verb(phrase: Phrase) -> str:
        return phrase.verb.base if form == "base" else phrase.verb.gerund

    return "".join(f"{p.joint}{p.adverb}{verb(p)} {p.rest}" for p in phrases).strip()


def role_of(lead: str) -> str:
    """`a critic` from `As a critic` or `In the role of a critic`; empty for another lead."""
    match = _ROLE_LEAD.match(lead)
    return match["role"] if match else ""


def names_answer(text: str, label_words: tuple[str, ...] = ()) -> bool:
    """Whether a label word or a quoted string stands in the text."""
    if QUOTED.search(text):
        return True
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in label_words)


def leaves_open(text: str) -> bool:
    """Whether what follows belongs to the text: a quotation or a phrase goes on in it."""
    return (
        bool(_GOES_ON.search(text))
        or any(text.count(opened) > text.count(closed) for opened, closed in _QUOTES)
        or (text.count('"') % 2 == 1 and not _INCHES.search(text))
    )


def lower_first(text: str) -> str:
    """The text with its first letter in lower case, unless its first word is no common word."""
    first = re.match(r"[A-Za-z'’]+", text)
    if (
        first is None
        or re.match(r"[.@_/:]\w", text[first.end() :])
        or first.group() in {"I", "I'm", "I'd"}
        or first.group()[1:].lower() != (first.group()[1:])
    ):
        return text
    return text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def _split_lead(body: str) -> tuple[str, str]:
    """`As a critic, please rate ...` as `As a critic` and `please rate ...`."""
    if _LEAD.match(body):
        for comma in re.finditer(r",\s+", body):
            rest = body[comma.end() :]
            if _FRAME.match(rest) or _verb_phrase(rest) or _QUESTION.match(rest):
                return body[: comma.start()], rest
    return "", body


def _split_aside(command: str) -> tuple[str, str]:
    """A command without `and don't ...`, `but ...`, `otherwise ...` at its end, and that."""
    quoted = [match.span() for match in QUOTED.finditer(command)]
    for match in _ASIDE.finditer(command):
        if any(low < match.end() <= high for low, high in quoted):
            continue
        # After `and`, an unknown verb may go on with a clause: `whether both agree and do not ...`.
        known = not match["said"].lower().startswith("but ")
        if _verb_phrase(command[match.end() :], known=known):
            return command[: match.start()], upper_first(f"{command[match.start('said') :]}.")
    return command, ""


def _verb_phrase(text: str, *, known: bool = True) -> Phrase | None:
    """The verb phrase that a text begins with, in the imperative, or None."""
    adverb = _ADVERB.match(text)
    start = adverb.end() if adverb else 0
    verb = verb_at(lower_first(text[start:]))
    if verb is None and not known:
        unknown = _UNKNOWN_VERB.match(text[start:])
        is_verb = unknown is not None and unknown["verb"].lower() not in word_list("nouns")
        verb = _unknown(unknown["verb"].lower()) if unknown and is_verb else None
    if verb is None:
        return None
    after = text[start + len(verb.base) :]
    rest = after.lstrip()
    if not rest or _NOT_VERB.match(after) or (verb.nounlike and not _AFTER_VERB.match(rest)):
        return None
    return Phrase("", text[:start], verb, rest)


def _unknown(base: str) -> Verb:
    """A verb of which nothing is known but whether its participle is regular."""
    return Verb(base, passive=base not in word_list("irregular_verbs"))


def _phrases(command: str) -> tuple[Phrase, ...]:
    first = _verb_phrase(command, known=False)
    if first is None:
        return ()
    quoted = [match.span() for match in QUOTED.finditer(command)]
    cuts: list[tuple[int, int, Phrase]] = []
    for match in _JOINT.finditer(command):
        phrase = _verb_phrase(command[match.end() :])
        if phrase and not any(low < match.end() < high for low, high in quoted):
            cuts.append((match.start(), match.end(), phrase))
    ends = [start for start, _, _ in cuts[0:]] + [len(command)]
    offset = len(command) - len(first.rest)
    phrases = [Phrase("", first.adverb, first.verb, command[offset : ends[0]])]
    for (start, begin, phrase), end in zip(cuts, ends[1:], strict=True):
        offset = len(command) - len(phrase.rest)
        rest = command[offset:end]
        phrases.append(Phrase(command[start:begin], phrase.adverb, phrase.verb, rest))
    return tuple(phrases)


def _split_answer(
    phrases: tuple[Phrase, ...], label_words: tuple[str, ...]
) -> tuple[tuple[Phrase, ...], str]:
    """The phrases without a request to answer at their end, and that request as a sentence."""
    *before, last = phrases
    if before and asks_answer(last, label_words):
        return tuple(before), upper_first(f"{last.adverb}{last.verb.base} {last.rest}.")
    for match in _TAIL.finditer(last.rest):
        verb = gerunds().get(match["verb"])
        said = last.rest[match.end() :].strip()
        if verb and (verb.answers or verb.gives) and names_answer(said, label_words):
            shorter = Phrase(last.joint, last.adverb, last.verb, last.rest[: match.start()])
            return (*before, shorter), upper_first(f"{verb.base} {said}.")
    return phrases, ""


def asks_answer(phrase: Phrase, label_words: tuple[str, ...]) -> bool:
    """Whether a phrase only says in which form to answer."""
    if phrase.decides or not (phrase.verb.answers or phrase.verb.gives):
        return False
    if phrase.verb.answers and _ANSWER_FORM.match(phrase.rest):
        return True
    if _LABEL_ALONE.match(phrase.rest):
        return True
    return names_answer(phrase.rest, label_words) and not _NEW_OBJECT.match(phrase.rest)


_LONGEST_SENTENCE: Final = 2_000
QUOTED: Final = re.compile(
    r"(?<!\w)'[^'\n]{1,60}'(?!\w)|\"[^\"\n]{1,120}\"|“[^”\n]{1,120}”|‘[^’\n]{1,60}’|`[^`\n]{1,60}`"
    r"|\{[^{}\n]*\}|\([^()\n]*\)"
)
_QUOTES: Final = (("“", "”"), ("«", "»"), ("「", "」"), ("『", "』"))
_GOES_ON: Final = re.compile(
    r"\b(?:between|and|or|the|an?|than|your|its|their|of|from|with|for|as|by|at)$"
)
ENDS_IN_INPUT: Final = re.compile(r"(?:\}\}?|<\w+>|\[[A-Z_ ]+\])[\"'”’]?\s*$")
"""The place of an input that ends a sentence: a mark after it would be read as a part of it."""
_INCHES: Final = re.compile(r"\d\"")
_FRAME: Final = re.compile(
    r"(?:(?:please|kindly|now|next|then)\b,?\s+"
    r"|(?:your|the|our) (?:task|job|goal|objective|aim|role|assignment)(?: here)? is to\s+"
    r"|you (?:should|must|need to|have to|will|are to|are asked to|are required to"
    r"|are expected to)\s+"
    r"|(?:I|we)(?: want| need| would like|[’']d like| ask) you to\s+"
    # `Would you recommend it to a child?` is a question about what the reader would do.
    r"|(?:(?:can|could|will) you\s+(?:please\s+|kindly\s+)?|would you\s+(?:please|kindly)\s+)"
    r"(?!(?:say|confirm|conclude|infer|deduce|be|have|draw|think|understand|trust|rate|describe)\b)"
    r"|(?:let[’']s|let us|try to|make sure to|be sure to)\s+)+",
    re.IGNORECASE,
)
_LEAD: Final = re.compile(
    r"(?:As|In|For|With|Given|Based|From|On|Upon|Below|Like|To|Without|While|When|After|Before"
    r"|By|Here|Suppose|Imagine|Assume|At|Out|Among|Between|According|[A-Z][a-z]+ing)\b"
)
_QUESTION: Final = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|would|should|will|has|have|what|which|who|how)\b"
)
_ADVERB: Final = re.compile(
    r"(?:(?:first|then|next|now|just|simply|only|(?!reply|apply|supply|rely)[a-z]+ly)\b,?\s+)+",
    re.IGNORECASE,
)
_DETERMINER: Final = (
    r"(?:the|an?|this|that|these|those|all|each|every|both|your|its|their|his|her|our|my|some|any"
    r"|if|whether|what|which|who|how|why|where|it|them|me|us|one|two|three|either|only)\b"
)
_NO_VERB: Final = (
    r"on|in|of|from|to|as|for|at|by|with|without|about|above|after|against|among|before|behind|below"
    r"|between|beyond|during|except|given|into|like|near|onto|over|per|since|than|through|toward|under"
    r"|until|up|upon|within|and|or|but|because|although|though|here|there|then|so|such|not|no|never"
    r"|provided|based|i|you|we|they|he|she|have|has|had|can|could|will|would|should|may|might|must"
    # Past forms: what was found is told, not asked for.
    r"|found|gave|made|took|saw|said|told|wrote|got|went|came|knew|thought|heard|felt|kept|left|met|sent"
)
_UNKNOWN_VERB: Final = re.compile(
    rf"(?!{_DETERMINER}|(?:when|while|is|are|was|do|does|{_NO_VERB})\b)"
    rf"(?P<verb>[A-Za-z]+)(?<!ing)(?<!ed)(?<!s)\s+{_DETERMINER}",
    re.IGNORECASE,
)
_NOT_VERB: Final = re.compile(r"\S|\s+(?:of|is|are|was|were|has|have)\b")
_AFTER_VERB: Final = re.compile(
    rf"{_DETERMINER}|(?:with|by|as|in|from|between|using|for|on|among|exactly|just|no|yes)\b|[\W_]",
    re.IGNORECASE,
)
_JOINT: Final = re.compile(r",?\s+(?:and\s+then|and|then)\s+|,\s+")
# What is asked in the imperative alone, so that it cannot follow `to`, `you should`, `-ing`.
_ASIDE: Final = re.compile(
    r"(?:,?\s+and\s+(?=do not |don[’']t |never )|,?\s+(?=but )|[,;]\s+(?=otherwise ))"
    r"(?P<said>(?:but |otherwise )?(?:please )?(?:do not |don[’']t |never )?)",
    re.IGNORECASE,
)
_TAIL: Final = re.compile(r"(?:,\s*(?:by\s+|while\s+)?|\s+by\s+)(?:\w+ly\s+)?(?P<verb>[a-z]+ing)\b")
_ANSWER_FORM: Final = re.compile(
    r"(?:with|by|in|using|only|as|me|either|exactly|just|one|yes|no|nothing)\b|[\"'“‘]",
    re.IGNORECASE,
)
_LABEL_ALONE: Final = re.compile(
    r"(?:only |just |exactly )?(?:the|one|a|your) (?:label|answer|word)$"
)
_CLAUSE: Final = re.compile(
    r"(?:(?:on|in|to|by|from) )?(?:if|whether|how|why|where|what|which|who|whom|whose)\b"
)
_NEW_OBJECT: Final = re.compile(
    r"(?:the|an?|some|your)\s+(?!(?:\w+\s+)?(?:labels?|words?|answers?|options?|categor|letters?"
    r"|names?|numbers?|choices?|decision|response|result|verdict|judge?ment)\b)"
)
_ROLE_LEAD: Final = re.compile(
    r"(?:As|(?:While |When )?(?:Acting|Working|Functioning|Serving) as|Being"
    r"|In (?:the|your) (?:role|capacity|position|shoes) (?:of|as)"
    r"|(?:Taking|Assuming) (?:on )?the (?:role|position) of) (?P<role>an? .+)$",
    re.IGNORECASE,
)
