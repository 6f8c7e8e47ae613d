"""Questions turned into commands and clauses into questions, by word order.

Both ways need the place where a subject ends; it is found by a list of the nouns that
instructions speak about, or by the first verb. What is not recognised is left alone.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from perturbations.resources import word_list
from perturbations.verbs import third_person


def command_of(question: str) -> str:
    """The command that asks the same: `is it true` gives `decide whether it is true`.

    A question of another shape is quoted whole: `answer this question: ...`. What is no question
    gives an empty text.
    """
    head, _, rest = question.partition(" ")
    clause = ""
    if rest.startswith(("not ", "n't ")):
        return ""
    if head in _BE or head in _MODALS:
        clause = _declare(head, rest)
    elif head in {"do", "does"}:
        clause = _declare_do(head, rest)
    if clause:
        return f"decide whether {clause}"
    asked = _declare_wh(question)
    return f"say {asked}" if asked else f"answer this question: {question}"


def question_of(clause: str) -> str | None:
    """The question that a clause asks: `whether it is true` gives `is it true`."""
    whether = re.match(r"(?:if|whether) (?:or not )?", clause)
    if whether:
        return _invert(clause[whether.end() :])
    asked = _ASKED.match(clause)
    if asked is None:
        return None
    if asked["subject"]:
        return clause
    inverted = _invert(clause[asked.end() :])
    return f"{asked['word']} {inverted}" if inverted else None


def _invert(clause: str) -> str | None:
    if re.match(r"(?:there|it|they|this|these) ", clause) is None and not _STARTS_NOUN.match(
        clause
    ):
        return None
    for match in re.finditer(r"[\w'’-]+", clause):
        word = match.group()
        if word in {"that", "which", "who", "what"} and match.start() > 0:
            return None
        before, after = clause[: match.start()].rstrip(), clause[match.end() :].lstrip()
        if not before:
            continue
        if word in _BE or word in _MODALS:
            return f"{word} {before} {after}"
        if not _ends_subject(before):
            continue
        plural = is_plural(re.sub(r" \w+ly$", "", before)) or before in _PLURAL_PRONOUNS
        if word in word_list("clause_verbs") and plural:
            return f"do {before} {word} {after}".rstrip()
        if word in _third_persons() and not plural:
            return f"does {before} {_third_persons()[word]} {after}".rstrip()
    return None


def noun_phrase(text: str) -> list[int]:
    """The ends of the noun phrases that a text begins with, longest first; empty for none."""
    pronoun = re.match(r"(?:it|this|they|there|these|we|you|someone)\b(?= )", text)
    ends = _noun_phrase_ends(text, 0)
    return ends if ends else ([pronoun.end()] if pronoun else [])


def is_plural(noun_phrase: str) -> bool:
    """Whether a noun phrase takes `are`: its head, before any preposition, is plural."""
    head = re.split(rf"\s+(?:{_PREPOSITION}|that|which)\s+", noun_phrase)[0]
    if re.match(r"(?:each|every|a|an|this|that)\b", head):
        return False
    if re.search(r"\b(?:and)\b", head) or re.match(r"(?:these|those|both)\b", head):
        return True
    last = re.findall(r"[\w'’-]+", head)[-1:]
    return (
        bool(last)
        and bool(re.search(r"[^su]s$|people$|criteria$|children$", last[0]))
        and (not last[0].endswith("is"))
    )


def _declare(auxiliary: str, rest: str) -> str:
    for end in noun_phrase(rest):
        predicate = rest[end:].strip()
        if predicate and not _NO_PREDICATE.match(predicate):
            return f"{rest[:end]} {auxiliary} {predicate}"
    return ""


def _declare_do(auxiliary: str, rest: str) -> str:
    for end in noun_phrase(rest):
        verb = re.match(r"\s+((?:\w+ly|both|all|also)\s+)?([a-z]+)\b", rest[end:])
        if verb and verb[2] in word_list("clause_verbs"):
            form = third_person(verb[2]) if auxiliary == "does" else verb[2]
            return f"{rest[:end]} {verb[1] or ''}{form}{rest[end + verb.end() :]}"
    return ""


def _declare_wh(question: str) -> str:
    match = re.match(r"(what|which [a-z]+|who|how) (is|are|was|were|does|do) (.+)$", question)
    if match is None:
        return (
            question
            if re.match(rf"which [a-z ]+ (?:{'|'.join(_third_persons())})\b", question)
            else ""
        )
    word, verb, rest = match.groups()
    if verb in {"do", "does"}:
        clause = _declare_do(verb, rest)
        return f"{word} {clause}" if clause else ""
    ends = noun_phrase(rest)
    if not ends:
        return ""
    if ends[0] == len(rest):
        return f"{word} {rest} {verb}"
    tail = rest[ends[0] :].strip()
    return f"{word} {rest[: ends[0]]} {verb} {tail}" if re.match(r"about\b", tail) else ""


def _noun_phrase_ends(text: str, start: int) -> list[int]:
    """Ends of noun phrases from `start`, the longest first."""
    if not _STARTS_NOUN.match(text, start):
        return []
    head_end = 0
    for match in _WORD.finditer(text, start):
        word = match.group().lower()
        if re.search(r"[^\s]", text[max(start, head_end) : match.start()].strip()) and head_end:
            break
        if head_end and not _is_noun(word):
            break
        if _STOP.fullmatch(word):
            break
        if _is_noun(word):
            head_end = match.end()
            if word not in word_list("nouns"):
                break
    if not head_end:
        return []
    place = _PLACE.match(text, head_end)
    if place:
        return [place.end()]
    preposition = _PREPOSITION_AT.match(text, head_end)
    if preposition is None:
        return [head_end]
    name = _NAME.match(text, preposition.end())
    inner = [name.end()] if name else _noun_phrase_ends(text, preposition.end())
    return [*inner, head_end]


def _is_noun(word: str) -> bool:
    return word in word_list("nouns") or word in _plurals()


def _ends_subject(text: str) -> bool:
    last = text.rsplit(maxsplit=1)[-1]
    return _is_noun(last) or last in _SUBJECT_PRONOUNS or bool(re.search("below$|above$|ly$", last))


@cache
def _plurals() -> frozenset[str]:
    irregular = {"hypotheses", "people", "criteria", "analyses"}
    return frozenset({third_person(noun) for noun in word_list("nouns")} | irregular)


@cache
def _third_persons() -> dict[str, str]:
    """`entails` -> `entail`, for every verb of a clause."""
    return {third_person(verb): verb for verb in sorted(word_list("clause_verbs"))}


_FITS: Final = "fits?|describes?|applies|apply|matches|match|suits?|follows|holds?"
_BE: Final = {"is", "are", "was", "were"}
_MODALS: Final = {"can", "could", "will", "would", "should", "may", "might", "must"}
_PREPOSITION: Final = "of|between|in|from|for|to|behind|about|below|above|on|with|within|towards?"
_PREPOSITION_AT: Final = re.compile(rf"\s+(?:{_PREPOSITION})\s+")
_PLACE: Final = re.compile(r" (?:below|above|that follows?|here)(?! [a-z]+ing)\b")
_NAME: Final = re.compile(r"[A-Z]\w+(?: [A-Z]\w+)*")
_NO_PREDICATE: Final = re.compile(rf",|(?:{_PREPOSITION}|that|which|who)\b(?! the same)")
_ASKED: Final = re.compile(
    r"(?P<word>(?:(?:on|in|to|by|from) )?(?:how|why|where|what|which|whom|whose)(?: [a-z]+){0,2}?) "
    r"(?:(?=(?:the|an?|this|these|those|its|their|it|they|each|every|both)\b)"
    rf"|(?P<subject>(?:is|are|{_FITS})\b))"
)
_STARTS_NOUN: Final = re.compile(
    r"(?:the|an?|this|that|these|those|each|every|both|its|their|your|all|one|two|any|either)\s",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[\w'’-]+")
_PLURAL_PRONOUNS: Final = {"they", "we", "you", "these", "both"}
_STOP: Final = re.compile(
    r"(?:is|are|was|were|be|do|does|have|has|can|could|that|which|who|if|and|or)"
)
_SUBJECT_PRONOUNS: Final = _PLURAL_PRONOUNS | {"it", "this"}
