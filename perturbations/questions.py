"""Questions turned into commands and clauses into questions, by word order.

Both ways need the place where a subject ends; it is found by a list of the nouns that
instructions speak about, or by the first verb. What is not recognised is left alone.
"""

from __future__ import annotations

import re
from typing import Final

from perturbations.verbs import third_person


def command_of(question: str) -> str:
    """The command that asks the same: `is it true` gives `decide whether it is true`.

    A question of another shape is quoted whole: `answer this question: ...`.
    """
    head, _, rest = question.partition(" ")
    clause = ""
    if head in _BE or head in _MODALS:
        clause = _declare(head, rest)
    elif head in {"do", "does"}:
        clause = _declare_do(head, rest)
    if clause:
        return f"decide whether {clause}"
    asked = _declare_wh(question)
    return f"say {asked}" if asked else f"answer this question: {question}"


def question_of(clause: str) -> str | None:
    """The question that a `whether` clause asks: `it is true` gives `is it true`."""
    if re.match(r"(?:there|it|they|this|these) ", clause) is None and not _STARTS_NOUN.match(clause):
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
        if word in _LEXICAL:
            return f"do {before} {word} {after}".rstrip()
        if word in _LEXICAL_S:
            return f"does {before} {_LEXICAL_S[word]} {after}".rstrip()
    return None


def noun_phrase(text: str) -> list[int]:
    """The ends of the noun phrases that a text begins with, longest first; empty for none."""
    pronoun = re.match(r"(?:it|this|they|there|these|we|one|you)\b(?= )", text)
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
    return bool(last) and bool(re.search(r"[^su]s$|people$|criteria$|children$", last[0])) and (
        not last[0].endswith("is")
    )


def _declare(auxiliary: str, rest: str) -> str:
    for end in noun_phrase(rest):
        predicate = rest[end:].strip()
        if predicate and not predicate.startswith(","):
            return f"{rest[:end]} {auxiliary} {predicate}"
    return ""


def _declare_do(auxiliary: str, rest: str) -> str:
    for end in noun_phrase(rest):
        verb = re.match(r"\s+((?:\w+ly|both|all|also)\s+)?([a-z]+)\b", rest[end:])
        if verb and verb[2] in _LEXICAL:
            form = third_person(verb[2]) if auxiliary == "does" else verb[2]
            return f"{rest[:end]} {verb[1] or ''}{form}{rest[end + verb.end() :]}"
    return ""


def _declare_wh(question: str) -> str:
    match = re.match(r"(what|which [a-z]+|who|how) (is|are|was|were|does|do) (.+)$", question)
    if match is None:
        return question if re.match(rf"which [a-z ]+ (?:{'|'.join(_LEXICAL_S)})\b", question) else ""
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
        if word in _STOPS:
            break
        if _is_noun(word):
            head_end = match.end()
            if word not in _NOUNS:
                break
    if not head_end:
        return []
    ends = [head_end]
    preposition = re.compile(rf"\s+(?:{_PREPOSITION})\s+").match(text, head_end)
    if preposition:
        ends = [*_noun_phrase_ends(text, preposition.end()), head_end]
    return ends


def _is_noun(word: str) -> bool:
    return word in _NOUNS or word in _PLURALS


_BE: Final = {"is", "are", "was", "were"}
_MODALS: Final = {"can", "could", "will", "would", "should", "may", "might", "must"}
_PREPOSITION: Final = "of|between|in|from|for|to|behind|about|below|above|on|with|within|towards?"
_STARTS_NOUN: Final = re.compile(
    r"(?:the|an?|this|that|these|those|each|every|both|its|their|your|all|one|two|any|either)\s",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[\w'’-]+")
_STOPS: Final = frozenset("is are was were be do does have has can could that which who if and or".split())
_LEXICAL: Final = frozenset(
    """accept address affirm agree answer appear ask belong cause claim come concern confirm contain
    contradict convey correspond count cover deal demonstrate deny depend describe discuss display
    entail exhibit express fall feel fit follow give have hold imply include indicate justify lead
    lean like make match mean mention need obey offer paraphrase present prove provide read refer
    reflect refute relate report represent require restate reveal say seek share show sound state
    suggest support talk tell use violate""".split()
)
_LEXICAL_S: Final = {third_person(verb): verb for verb in sorted(_LEXICAL)}
_NOUNS: Final = frozenset(
    """abstract answer argument article aspect assertion attitude author caption category cause
    chat choice claim class clause comment comparison conclusion connection connotation content
    context conversation critic customer description dialogue document effect email emotion entity
    entry event evidence example excerpt expression fact feedback feeling film grammar headline
    hypothesis idea input instance intent intention interpretation item kind label language line
    link meaning member message mood movie news object opinion option outcome pair paragraph part
    passage person phrase piece point post premise problem product prompt pronoun quality query
    question quote rating relation relationship reply report request response result review reviewer
    role scenario sense sentence sentiment set similarity situation snippet solution source speaker
    statement stance story structure style subject summary syntax target term text theme thing title
    tone topic tweet type usage use user utterance verdict view viewpoint wording word writer
    writing""".split()
)
_PLURALS: Final = frozenset(
    [third_person(noun) for noun in _NOUNS] + ["hypotheses", "people", "criteria", "analyses"]
)
