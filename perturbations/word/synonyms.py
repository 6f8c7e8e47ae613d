"""Word level, synonyms: some words of an instruction become others that mean the same there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from harness.core.records import Edit
from perturbations.base import Draft, Perturbation, Subject
from perturbations.diff import draft_by
from perturbations.tokens import (
    Word,
    edit_budget,
    find_words,
    is_protected,
    is_stop_word,
    match_case,
)
from perturbations.word.lexicon import (
    Senses,
    in_form,
    lexicon,
    senses_of,
    synonyms,
)
from perturbations.word.verbs import verbs
from perturbations.word.wordforms import PACKAGE, agree_article, find_form, is_noun_modifier

_LONGEST_HEAD: Final = 3
_REACH: Final = 80
"""Characters on either side of a place that may say what it is; patterns look at a few words."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A head word where it stands, and what it is there."""

    start: int
    end: int
    text: str
    head: str
    tag: str
    senses: Senses
    following: str
    plain: bool
    """Whether only a single word may stand there: before a pronoun, or as an attribute."""


def replace_by_synonyms(subject: Subject, rng: Random) -> Draft | None:
    """A draft with one word in six, at least one, replaced by a synonym in the same form.

    A noun is replaced wherever it stands or nowhere, and by no word that the text or the label
    words hold already.

    Raises:
        MissingPackageError: lemminflect is not installed.
    """
    groups: dict[tuple[str, str], list[_Place]] = {}
    for place in _places(subject):
        key = (place.head, "N" if place.tag.startswith("N") else f"{place.start}")
        groups.setdefault(key, []).append(place)
    counts = Counter(word.text.lower() for word in find_words(subject.text))
    budget = edit_budget(subject, share=4 / 3)
    taken = {_root(word) for word in counts}
    taken |= {root for label in subject.label_words for root in _roots(label)}
    edits: list[Edit] = []
    replaced = 0
    for group in rng.sample(list(groups.values()), len(groups)):
        if replaced < budget and _is_whole(group, counts):
            made, synonym = _replace(group, subject, taken, rng)
            edits += made
            replaced += len(group) if made else 0
            taken |= _roots(synonym)
    return draft_by(subject.text, edits)


def _replace(
    group: Sequence[_Place], subject: Subject, taken: set[str], rng: Random
) -> tuple[list[Edit], str]:
    """The edits that put one synonym in all places of a group, and the synonym."""
    offered = synonyms(group[0].senses, group[0].following)
    for synonym in rng.sample(offered, len(offered)):
        forms = [in_form(synonym, place.tag) for place in group]
        if _roots(synonym) & taken or None in forms:
            continue
        if " " in synonym and any(place.plain for place in group):
            continue
        if any(synonym in _NOT_AS.get(place.tag, ()) for place in group):
            continue
        edits = [
            edit
            for place, form in zip(group, forms, strict=True)
            for edit in _edits(place, form or "", subject)
        ]
        return edits, synonym
    return [], ""


def _edits(place: _Place, form: str, subject: Subject) -> list[Edit]:
    """The edit of a word, and of the article before it where the sound changes."""
    word = Word(place.start, place.end, place.text)
    after = match_case(form, place.text)
    article = agree_article(subject, word, after)
    return [*article, Edit(place.start, place.end, place.text, after)]


def _is_whole(group: Sequence[_Place], counts: Counter[str]) -> bool:
    """Whether a noun is replaced wherever it stands, so that what it names keeps one name."""
    if not group[0].tag.startswith("N"):
        return True
    forms = [(find_form(word, "NOUN"), count) for word, count in counts.items()]
    return sum(n for form, n in forms if form and form.lemma == group[0].head) == len(group)


def _places(subject: Subject) -> Iterator[_Place]:
    """The places of head words that are free, longest heads first, none overlapping."""
    words = find_words(subject.text)
    skip = 0
    for index in range(len(words)):
        if index < skip:
            continue
        for count in range(_LONGEST_HEAD, 0, -1):
            place = _place(subject, words, index, index + count)
            if place is not None:
                yield place
                skip = index + count
                break


def _place(subject: Subject, words: Sequence[Word], first: int, end: int) -> _Place | None:
    text = subject.text
    if end > len(words) or not _is_free(subject, words[first].start, words[end - 1].end):
        return None
    start, stop = words[first].start, words[end - 1].end
    joined = text[start:stop]
    led, after = text[max(0, start - _REACH) : start].lower(), _after(text, stop)
    before = _before(led)
    found = _entry(joined.lower(), led, before, after)
    if found is None:
        return None
    head, tag, senses = found
    plain = bool(_PRONOUN.match(after)) or (tag == "VBN" and before in _DETERMINERS)
    return _Place(start, stop, joined, head, tag, senses, after, plain)


def _entry(word: str, led: str, before: str, after: str) -> tuple[str, str, Senses] | None:
    """The head, the tag and the senses of a word or phrase between what stands around it."""
    phrase = senses_of(word, "phrase")
    if phrase and before not in _DETERMINERS and _fits_phrase(phrase, before, after):
        return word, "", {**phrase, "": [*phrase.get("", ()), *phrase.get("AFTER_VERB", ())]}
    if word in lexicon()["adverb"] and before not in _DETERMINERS:
        return word, "", senses_of(word, "adverb")
    if word in lexicon()["adjective"] and _is_attribute(before, after):
        return word, "", senses_of(word, "adjective")
    return _verb(word, before, after) or _noun(word, led, before, after)


def _verb(word: str, before: str, after: str) -> tuple[str, str, Senses] | None:
    first, _, particle = word.partition(" ")
    form = find_form(first, "VERB")
    if form is None:
        return None
    head = f"{form.lemma} {particle}".rstrip()
    senses = senses_of(head, "verb")
    if not senses or not _is_verb(form.lemma, form.tag, before, after):
        return None
    # Where a past form may stand it is a participle, which other verbs may tell from the past.
    return head, "VBN" if form.tag == "VBD" else form.tag, senses


def _noun(word: str, led: str, before: str, after: str) -> tuple[str, str, Senses] | None:
    form = None if _SET_PHRASE.search(led + word) else find_form(word, "NOUN")
    senses = senses_of(form.lemma, "noun") if form else {}
    if form is None or not senses or not _is_noun(form.tag, led, before, after):
        return None
    if form.lemma in _UNITS and not _KNOWN.search(led):
        return None
    return form.lemma, form.tag, senses


def _is_verb(lemma: str, tag: str, before: str, after: str) -> bool:
    """Whether the neighbours let a word that may be a verb be one."""
    known = verbs().get(lemma)
    both = lemma in lexicon()["noun"] or (known is not None and known.nounlike)
    opens = bool(_OPENS_OBJECT.match(after))
    if before in _DETERMINERS | _NUMBERS:
        return tag in {"VBN", "VBD"} and not opens and lemma in _ATTRIBUTES
    if _is_other_sense(lemma, before, after):
        return False
    if tag in {"VB", "VBP"}:
        led = not before or before in _BEFORE_VERBS or before.endswith("ly")
        return led and (opens or not both)
    if tag == "VBZ":
        # `The top places in the country` are a noun: a preposition follows nouns as well.
        may_be_noun = find_form(lemma, "NOUN") is not None
        return bool(before) and opens and not (may_be_noun and _BY.match(after))
    if tag == "VBG":
        return opens or not both
    # An object after a participle is the second of two: `was given the premise`.
    return bool(_BY.match(after)) or (before in _BE and not _NEW_PHRASE.match(after))


def _is_other_sense(lemma: str, before: str, after: str) -> bool:
    """Whether a verb has two objects here, is a past form, or asks for nothing."""
    return (
        (lemma in _TAKES_TWO and bool(_TWO_OBJECTS.match(after)))
        or (lemma == "read" and before in _SUBJECTS)
        or (lemma in _ONLY_COMMANDS and bool(before))
        or (lemma == "answer" and before in _OF_THINGS)
        or (lemma == "apply" and re.search(r"\bto\b", after) is not None)
    )


def _is_noun(tag: str, led: str, before: str, after: str) -> bool:
    """Whether the neighbours let a word that may be a noun be one, not a part of a compound."""
    following = _CONTENT.match(after)
    if following and (not is_stop_word(following[1]) or _NEW_PHRASE.match(after)):
        return False
    if not before or before in _BEFORE_VERBS - {"and", "or"} or before in _NO_COMPOUND:
        return False
    if _is_collocation(before) or (before == "some" and tag == "NN"):
        return False
    verb = find_form(before, "VERB") if before.endswith("s") else None
    if verb is not None and verb.tag == "VBZ":
        return False
    return tag == "NNS" or bool(_DETERMINED.search(led))


def _is_collocation(before: str) -> bool:
    """Whether the word before a noun may make a term with it: `mental exercises`, `ESRB rating`."""
    if is_stop_word(before) or before in _DETERMINERS | _NUMBERS | _PLAIN_ADJECTIVES:
        return False
    return before not in lexicon()["adjective"] or is_noun_modifier(before)


def _is_attribute(before: str, after: str) -> bool:
    """Whether a word stands between a determiner and a noun."""
    following = _CONTENT.match(after)
    if following is None or before not in _DETERMINERS | _NUMBERS:
        return False
    return not is_stop_word(following[1])


def _fits_phrase(senses: Senses, before: str, after: str) -> bool:
    if "AFTER_VERB" in senses:
        form = find_form(before, "VERB") if before else None
        # `Print if it is good` prints nothing else.
        said = _PUTS_OUT.fullmatch(before.lower())
        return form is not None and said is None and not re.match(r"or not\b", after)
    return True


def _is_free(subject: Subject, start: int, end: int) -> bool:
    text = subject.text
    if is_protected(start, end, subject.protected) or "\n" in text[start:end]:
        return False
    if text[end : end + 1] == ":" and text[:start].rpartition("\n")[2].strip() == "":
        return False  # the name of a field, `Request: {text}`
    beside = text[max(0, start - 1) : start] + text[end : end + 1]
    return re.search(r"[-/_@#'’]", beside) is None and "  " not in text[start:end]


def _before(led: str) -> str:
    """The last word of what leads to a place; empty at the beginning of a sentence or clause."""
    if not led.endswith(" ") or led[-2:-1].isspace():
        return ""
    match = _LAST_WORD.search(led.rsplit(maxsplit=1)[-1].rstrip()) if led.strip() else None
    return match[0] if match else ""


def _after(text: str, end: int) -> str:
    """What follows a place in its line, without the space between."""
    return text[end : end + _REACH].split("\n", 1)[0].removeprefix(" ")


def _roots(phrase: str) -> set[str]:
    return {_root(word) for word in re.split(r"[\s-]", phrase)}


def _root(word: str) -> str:
    return re.sub(r"(?:e?s|e?d|ing)$", "", word.lower())


SYNONYM: Final = Perturbation(
    name="synonym",
    level="word",
    description="Words become synonyms from a lexicon of instructions, after Ren et al. 2019.",
    apply=replace_by_synonyms,
    amount="1 word in 6, at least 1",
    on_input=False,
    needs=(PACKAGE,),
    graded=True,
)

# What would answer a question, or a sentence that answers it, replies to nobody.
_OF_THINGS: Final = frozenset({"would", "could", "might", "may", "can", "that", "which"})
_PUTS_OUT: Final = re.compile(r"(?:output|print|write|return|answer|respond|reply|emit|display)s?")
_NUMBERS: Final = frozenset({"one", "two", "three", "four", "five", "first", "second", "third"})
_DETERMINERS: Final = frozenset(
    {"a", "an", "the", "this", "that", "these", "those", "each", "every", "both", "any", "some"}
    | {"its", "their", "your", "his", "her", "our", "my", "all", "same", "most"}
)
_BEFORE_VERBS: Final = frozenset(
    {"to", "please", "kindly", "will", "would", "can", "could", "should", "must", "may", "might"}
    | {"you", "they", "we", "i", "and", "or", "then", "do", "does", "did", "only", "just"}
)
_SUBJECTS: Final = frozenset({"i", "you", "we", "they"})
_BE: Final = frozenset({"is", "are", "was", "were", "be", "been", "being", "has", "have", "had"})
_NO_COMPOUND: Final = frozenset(
    {"search", "test", "data", "multiple", "make", "makes", "take", "takes", "word"}
)
# Adjectives that make no term with a noun, beside those that the lexicon knows.
_PLAIN_ADJECTIVES: Final = frozenset(
    {"correct", "right", "wrong", "best", "same", "single", "different", "new", "original", "other"}
    | {"underlined", "selected", "chosen", "input", "sample", "incorrect", "similar", "good"}
)
# Synonyms that do not go with a form: the sentence that suggests a fact recommends nothing.
_NOT_AS: Final[Mapping[str, frozenset[str]]] = {
    "VB": frozenset({"characterize"}),
    "VBZ": frozenset({"propose", "recommend", "observe", "notice", "give a description of"}),
    "VBN": frozenset({"reply", "respond", "concern", "depend", "answer", "give a description of"}),
}
# Verbs whose participle says the same of a thing as their synonyms': no `enumerated price`.
_ATTRIBUTES: Final = frozenset(
    {"change", "choose", "complete", "create", "extract", "generate", "modify", "produce", "remove"}
    | {"select", "specify"}
)
# To find an answer is to identify it; to find a job is not.
_ONLY_COMMANDS: Final = frozenset({"find"})
_TAKES_TWO: Final = frozenset({"give", "offer", "assign", "find"})
_TWO_OBJECTS: Final = re.compile(
    r"(?:it|them|him|her|me|us|you)\b"
    r"|(?:the|this|that|each|every|an?|your|its)(?: [\w-]+){1,3} (?:an?|the|its|one|two|three)\b"
)
# A determiner, then up to three words that are neither a verb of ours nor a preposition.
_DETERMINED: Final = re.compile(
    rf"(?:\b(?:{'|'.join(sorted(_DETERMINERS | _NUMBERS))})|['’]s) "
    r"(?:(?!(?:of|in|on|at|by|for|from|with|without|into|as|about|to|is|are|and|or)\b)"
    r"[\w-]+ ){0,3}$"
)
# `In one sentence` sets a length, and `in your own words` means another wording.
_SET_PHRASE: Final = re.compile(
    r"\bin (?:[\w-]+ ){1,4}sentences?$|\b(?:full|complete|single) sentences?$"
    r"|\b(?:own|other|different) words$|\b(?:first|second|third) persons?$"
    r"|\b(?:the|any|no|some) ways?$|\bas an? (?:result|consequence)$",
    re.IGNORECASE,
)
# What is asked for or counted has this length: `write a paragraph`, `the next two sentences`.
_UNITS: Final = frozenset(
    {"sentence", "paragraph", "word", "phrase", "passage", "text", "document"}
)
_KNOWN: Final = re.compile(
    r"\b(?:the|this|these|those|each|every|both|given|following) "
    r"(?:(?!(?:one|two|three|four|five|of|in|on|at|by|for|from|with|to|is|are|and|or)\b)"
    r"[a-z][\w-]* ){0,2}$"
)
_NEW_PHRASE: Final = re.compile(
    r"(?:the|an?|this|these|those|its|their|your|his|her|our|it|them|us|me|both|each|every)\b"
)
_PRONOUN: Final = re.compile(r"(?:it|them|me|us|him|her)\b")
_BY: Final = re.compile(r"(?:by|in|with|from|as|to|into)\b")
_LAST_WORD: Final = re.compile(r"[^\W\d_]+(?:['’]\w+)?$")
_CONTENT: Final = re.compile(r"([^\W\d_]+)")
_OPENS_OBJECT: Final = re.compile(
    r"(?:the|an?|this|these|those|its|their|your|his|her|our|each|every|both|all|any|some|one|two|it|them"
    r"|if|whether|how|why|what|which|who|whom|that|with|by|in|using|as|between|from|into|only|exactly"
    r"|either|just|no|yes)\b|[\"'“‘`]",
    re.IGNORECASE,
)
