"""Questions turned into commands and clauses into questions, by word order.

Both ways need the place where a subject ends; it is found by a list of the nouns that
instructions speak about, or by the first verb. What is not recognised is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from perturbations.resources import word_list
from perturbations.word.verbs import past_form, third_person


def command_of(question: str) -> str:
    """The command that asks the same: `is it true` becomes `decide whether it is true`.

    A question of another shape is quoted whole: `answer this question: ...`. Of what is no
    question, an empty text.
    """
    head, _, rest = question.partition(" ")
    clause = ""
    if not _OPENS_QUESTION.match(question) or rest.startswith("not "):
        return ""
    if _ONLY_ANSWERS.match(question):
        return ""
    if _ASKS_READER.match(question):
        return f"{QUOTES_WHOLE} {question}"
    if head in _BE or head in _MODALS:
        clause = _declare(head, rest)
    elif head in {"do", "does", "did"}:
        clause = _declare_do(head, rest)
    if clause:
        return f"decide whether {clause}"
    asked = _declare_wh(question)
    return f"say {asked}" if asked else f"{QUOTES_WHOLE} {question}"


def question_of(clause: str) -> str | None:
    """The question that a clause asks: `whether it is true` becomes `is it true`."""
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
    if not _STARTS_CLAUSE.match(clause) and not _STARTS_NOUN.match(clause):
        return None
    for match in _WORD.finditer(clause):
        word, before = match.group(), clause[: match.start()].rstrip()
        if before and word in {"that", "which", "who", "what"}:
            return None
        if not before or not (word in _BE | _MODALS or _ends_subject(before)):
            continue
        front, base = _front(word, before, clause[match.end() :])
        if front:
            return f"{front} {before} {base}{clause[match.end() :]}".replace("  ", " ")
    return None


def _front(word: str, subject: str, after: str) -> tuple[str, str]:
    """What goes before the subject in a question, and what stays of the verb; empty for none."""
    plural = is_plural(re.sub(r" \w+ly$", "", subject)) or subject in _PLURAL_PRONOUNS
    if word in _BE or word in _MODALS:
        return word, ""
    if word in word_list("clause_verbs") and plural:
        return "do", word
    if word in _past_forms() and not _FINITE.search(after):
        return "did", _past_forms()[word]
    if word in _third_persons() and not plural:
        return "does", _third_persons()[word]
    return "", ""


def noun_phrase(text: str) -> list[int]:
    """The ends of the noun phrases that a text begins with, longest first; empty for none."""
    pronoun = _PRONOUN.match(text)
    fixed = _FIXED_NOUN.match(text)
    if fixed:
        return [fixed.end()]
    ends = _noun_phrase_ends(text, 0)
    return ends if ends else ([pronoun.end()] if pronoun else [])


def is_plural(noun_phrase: str) -> bool:
    """Whether a noun phrase takes `are`: its head, before any preposition, is plural."""
    # `The points mentioned in the text`: the participle belongs to what follows.
    after_head = rf"\s+(?:{_PREPOSITION}|that|which)\s+|(?<=[a-z]s)\s+\w+(?:ed|en|ing)\b"
    head = re.split(after_head, noun_phrase)[0]
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
        if predicate and not _NO_PREDICATE.match(predicate) and not _is_more(predicate):
            return f"{rest[:end]} {auxiliary} {predicate}"
    return ""


def _is_more(predicate: str) -> bool:
    """Whether what should be one predicate is more: `the text has is good`, `"{answer}" right`."""
    if _OPENS_NAMED.match(predicate) and not _NAMED_LIST.match(predicate):
        return True
    if _NEW_NOUN.match(predicate):
        return True
    verb = _SECOND_BE.search(predicate)
    return verb is not None and not _JOINS_CLAUSE.search(predicate, 0, verb.start())


def _declare_do(auxiliary: str, rest: str) -> str:
    for end in noun_phrase(rest):
        verb = _ADVERB_AND_VERB.match(rest[end:])
        regular = auxiliary != "did" or (verb and verb[2] in _past_forms().values())
        joined = auxiliary != "do" and _SECOND_VERB.search(rest, end)
        if verb and regular and not joined and verb[2] in word_list("clause_verbs"):
            form = _FORMS[auxiliary](verb[2])
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


@cache
def _past_forms() -> dict[str, str]:
    """`liked` -> `like`, for every regular verb of a clause."""
    regular = word_list("clause_verbs") - word_list("irregular_verbs")
    return {past_form(verb): verb for verb in sorted(regular)}


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


QUOTES_WHOLE: Final = "answer this question:"
"""How a question that is not recognised becomes a command: it follows, as it is."""

# A question mark alone makes no question: `He asked me {question} Is he right?`
_OPENS_QUESTION: Final = re.compile(
    r"(?:what|which|who|whom|whose|how|why|where|when|is|are|was|were|am|do|does|did|can|could|will"
    r"|would|should|shall|may|might|must|has|have|had)\b"
    r"|(?:(?:on|in|of|to|for|from|with|at|by|about|as|after|before|if|when|given|based|according"
    r"|considering|assuming|suppose|supposing|between|among|out|using|looking|knowing)\b|[\"'“‘]|\{(?!%))"
)
# `Yes or no?` names the answers and asks nothing.
# `Could you confirm?` asks to confirm and not whether one could.
_ASKS_READER: Final = re.compile(r"(?:can|could|will) you\b")
_ONLY_ANSWERS: Final = re.compile(
    r"[\"'“]?(?:yes|no|true|false)\b|(?:\{+[^{}]*\}+|[^\w{}]|\b(?:or|and|either)\b)+$",
    re.IGNORECASE,
)
_FITS: Final = "fits?|describes?|applies|apply|matches|match|suits?|follows|holds?"
_FORMS: Final[dict[str, Callable[[str], str]]] = {
    "do": str,
    "does": third_person,
    "did": past_form,
}
_BE: Final = {"is", "are", "was", "were"}
_MODALS: Final = {"can", "could", "will", "would", "should", "may", "might", "must"}
_PREPOSITION: Final = "of|between|in|from|for|to|behind|about|below|above|on|with|within|towards?"
_ADVERB_AND_VERB: Final = re.compile(
    r"\s+((?:(?!(?:imp|app|rep|comp)ly\b)\w+ly|both|all|also)\s+)?([a-z]+)\b"
)
# `Does it make sense and use correct English?`: the second verb would keep its form.
_SECOND_VERB: Final = re.compile(
    r"\b(?:and|or) (?:[a-z]+ly )?(?!(?:in|on|of|for|to|at|by|from|with|not)\b)[a-z]+ "
    r"(?:the|an?|its|it|their|this|that|correct|any|all|some)\b"
)
_SECOND_BE: Final = re.compile(r"\b(?:is|are|was|were)\b")
# `Is the answer "{answer}" correct?`: the quotation belongs to the subject.
_NAMED: Final = r"(?:\"[^\"]*\"|'[^']*'|“[^”]*”|\{+[^{}]*\}+)"
# `Is the sentiment the poet expresses good?`; `the same` and `the best` are predicates.
_NEW_NOUN: Final = re.compile(
    r"(?:the (?!same|best|most|right|correct|only|wrong|[a-z]+est\b)"
    r"|(?:this|these|their|its|it|they|he|she|we|you|i)\b)",
    re.IGNORECASE,
)
_OPENS_NAMED: Final = re.compile(r"[\"'“{:]")
_NAMED_LIST: Final = re.compile(
    rf"{_NAMED}(?:(?:,|,? (?:or|and)) (?:an? |the )?{_NAMED})*(?=$| that\b)"
)
_JOINS_CLAUSE: Final = re.compile(
    r",|\b(?:that|which|who|what|if|whether|when|where|why|how|or|and|than|as|because|there)\b"
)
# `This` before an unknown word may be its determiner: `is this citation ...`.
_PRONOUN: Final = re.compile(
    r"(?:it|they|there|we|you|someone)\b(?= )"
    r"|(?:this|these)\b(?= (?:an?|the|one|in|on|of|about|from|for|to|not|all|both)\b| [\"'“{])"
)
_STARTS_CLAUSE: Final = re.compile(r"(?:there|it|they|this|these) ")
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
_FIXED_NOUN: Final = re.compile(r"(?:\{[^{}]+\}|\"[^\"]+\"|'[^']+'|“[^”]+”)(?= )")
_FINITE: Final = re.compile(rf"\b(?:{'|'.join(sorted(_BE | _MODALS))}|has|have|do|does)\b")
_STOP: Final = re.compile(
    r"(?:is|are|was|were|be|do|does|have|has|can|could|that|which|who|if|and|or|to|not|than|need)"
)
_SUBJECT_PRONOUNS: Final = _PLURAL_PRONOUNS | {"it", "this"}
