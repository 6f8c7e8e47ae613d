"""One verb phrase in another construction: as a noun, in the passive, as a question."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from perturbations.request_parse import Ask, Phrase, names_answer
from perturbations.semantic.questions import is_plural, question_of
from perturbations.word.verbs import Verb, verbs


def can_inflect(phrases: tuple[Phrase, ...]) -> bool:
    """Whether no verb hides in a phrase's object, where it would keep its form."""
    return not any(_HIDDEN_VERB.search(phrase.rest) for phrase in phrases)


def only_prepares(ask: Ask) -> bool:
    """Whether all that is asked, besides an answer in some form, is to look at something."""
    return all(p.verb.prepares and not p.decides for p in ask.phrases)


def is_definite(rest: str) -> bool:
    """Whether an object is a definite noun phrase and nothing more."""
    return bool(_DEFINITE.match(rest)) and not _OBJECT_END.search(rest) and "," not in rest


def nominal(phrase: Phrase) -> str:
    """The phrase with a noun for its verb; empty where there is none."""
    noun, rest = phrase.verb.noun, phrase.rest
    if not noun or phrase.adverb or _ENDS_IN_ADVERB.search(rest):
        return ""
    if _changes_object(phrase) or (noun.startswith("a summary") and _INTO.search(rest)):
        return ""
    if phrase.decides:
        return f"{phrase.verb.clause_noun or noun} {_whether(rest)}"
    pronoun = re.match(r"(it|them)\b\s*", rest)
    if pronoun:
        owner = "its" if pronoun[1] == "it" else "their"
        return f"{owner} {noun.split()[1]} {rest[pronoun.end() :]}".rstrip()
    end = _OBJECT_END.search(rest)
    if not _DETERMINED.match(rest) or (end and _QUOTE_NEXT.match(end.group())):
        return ""
    return f"{noun} {rest}"


def passive(phrases: tuple[Phrase, ...], modal: tuple[str, str]) -> str:
    """The phrases as passive clauses; empty where one of them has no passive."""
    said = ""
    for phrase in phrases:
        clause = _passive_clause(phrase, modal)
        if not clause:
            return ""
        same = bool(re.match(r"(?:it|them)\b", phrase.rest)) and bool(said)
        said += (" and " if same else ", and " if said else "") + clause
    return said


def _passive_clause(phrase: Phrase, modal: tuple[str, str]) -> str:
    doing = f"{phrase.adverb}{phrase.verb.participle}"
    if not phrase.verb.passive or phrase.verb.answers or _changes_object(phrase):
        return ""
    if phrase.decides:
        return f"it {modal[0]} {doing} {phrase.rest}"
    pronoun = re.match(r"(?:it|them)\b\s*", phrase.rest)
    if pronoun:
        return f"{doing} {phrase.rest[pronoun.end() :]}".rstrip() if phrase.joint else ""
    return _passive_of_object(phrase, modal, doing)


def _changes_object(phrase: Phrase) -> bool:
    """Whether an object may be followed by what it becomes: `make the text longer`."""
    return phrase.verb.base in _CHANGES and not re.match(r"(?:an?|some) ", phrase.rest)


def _passive_of_object(phrase: Phrase, modal: tuple[str, str], doing: str) -> str:
    end = (_MOVED_END if phrase.verb.moves else _OBJECT_END).search(phrase.rest)
    thing = phrase.rest[: end.start()] if end else phrase.rest
    after = phrase.rest[len(thing) :]
    # In `summarize the text with three words`, `with` goes with the verb, elsewhere with the noun.
    if not _DETERMINED.match(thing) or re.search(r",| with (?!\{)", thing):
        return ""
    # What may belong to the verb, or begin a clause, cannot be moved with the object.
    if (
        _UNSURE.search(thing)
        or _TWO_OBJECTS.search(thing)
        or (phrase.verb.prepares and re.search(r" (?:for|on) ", thing))
        or (phrase.verb.moves and re.search(r" (?:that|which|who) ", thing))
        or (_TAKES_TO.search(thing) and re.match(r"\s+to\b", after))
        or (_ACTS_ON.match(phrase.verb.base) and re.search(r" on ", thing))
        or (not phrase.verb.moves and re.search(r" from ", thing))
        or _MANNER_AFTER_CLAUSE.search(thing)
        or _PLACE_OR_MANNER.match(after)
    ):
        return ""
    # `A book written by someone`, but `summarize it by naming its points`.
    if re.match(r"\s+(?:whether|if)\b", after) or (_BY.match(after) and _DONE.search(thing)):
        return ""
    if re.match(r"[,:]", after) or (_QUOTE_NEXT.match(after) and not phrase.verb.names):
        return ""
    return f"{thing} {modal[is_plural(thing)]} {doing}{after}"


def question(phrase: Phrase) -> str | None:
    """The question that a phrase's verb stands for."""
    if phrase.decides:
        return question_of(phrase.rest)
    named = re.match(r"(?P<thing>.+?) as (?:either |being )?(?P<labels>[\"'“‘\w].*)$", phrase.rest)
    if phrase.verb.names and named and names_answer(named["labels"]):
        if _OBJECT_END.search(named["thing"]) or re.search(r"\bif\b|\bfor\b", named["labels"]):
            return None
        be = "are" if named["thing"] == "them" or is_plural(named["thing"]) else "is"
        thing = "they" if named["thing"] == "them" else named["thing"]
        return f"{be} {thing} {named['labels']}"
    if phrase.verb.what and is_definite(phrase.rest):
        return f"what {'are' if is_plural(phrase.rest) else 'is'} {phrase.rest}"
    return None


def in_register(phrase: Phrase, *, formal: bool) -> Phrase:
    """The phrase with a verb of that register, where the verb has one."""
    verb, rest = phrase.verb, phrase.rest
    if formal:
        other = verb.formal
        rest = _whether(rest) if phrase.decides else rest
    else:
        other = verb.casual
        if phrase.decides and not (other in verbs() and verbs()[other].decides):
            other = "figure out" if verb.prepares or other else ""
        rest = re.sub(r"^whether (?!or not)", "if ", rest) if phrase.decides else rest
    looks = other.startswith("look") and re.search(r"\bas\b", rest)
    if not other or looks or re.search(r"\b(?:into|against)\b", rest) or _PARTICLE.match(rest):
        return replace(phrase, rest=rest)
    if re.match(r"(?:me|between)\b", rest):
        return replace(phrase, rest=rest)
    return replace(phrase, verb=verbs().get(other, Verb(other)), rest=rest)


def _whether(clause: str) -> str:
    return re.sub(r"^if ", "whether ", clause)


_DETERMINED: Final = re.compile(
    r"(?:the|an?|this|that|these|those|all|each|every|both|its|their|your|one|two|any)\b"
)
_DEFINITE: Final = re.compile(r"(?:the|this|these|its|their)\b")
_OBJECT_END: Final = re.compile(
    r"\s+(?:as|into|by|if|based on|according to|using|in order|in such a way|so that|such that"
    r"|while|whether|without|to (?:be|sound|fit|make|match|have)"
    r"|in (?:[\w-]+ ){1,4}(?:terms|style|tone|manner|way)"
    # `The names in the paragraph` are one thing.
    r"|in (?:(?!(?:the|this|these|that|each|in|of|from)\b)[\w-]+ ){1,4}"
    r"(?:words?|sentences?|lines?|paragraphs?))\b"
    r"|[,:]|\s+[\"'“‘`]"
)
_UNSURE: Final = re.compile(
    r" (?:to|when|before|after|until|once|because|since|given|against|where|how|why|you|your|is|are"
    r"|like (?:i|you|it|they|he|she)|in the (?:form|format|style|language|manner|way)"
    r"|and (?:then|say|tell|explain|write|give|answer|decide))\b| \w+ly$",
    re.IGNORECASE,
)
# A determiner that neither a preposition nor a conjunction leads begins another noun phrase.
_TWO_OBJECTS: Final = re.compile(
    r" (?!(?:of|in|on|at|by|for|from|with|to|into|as|about|between|and|or|both|all|that|which|than"
    r"|over|under|within|below|above|following|describing|containing|expressing|near)\b)[\w'’-]+"
    r" (?:an?|the|this|its|their) "
    r"|\bmore [\w-]+$|^(?:your|its|their|the) [\w-]+ (?:clear|short|long|easi|great|small|bett)er$"
)
_CHANGES: Final = frozenset({"make", "keep", "leave", "call", "render", "get"})
# `Describe a trend seen in the table in plain English`: the manner is the verb's.
_MANNER_AFTER_CLAUSE: Final = re.compile(
    r" (?:\w+ed|\w+ing|given|written|shown|seen|found|that|which|who) .* in "
    r"(?!(?:the|this|these|that|those|an?|its|their)\b)"
)
_ACTS_ON: Final = re.compile(r"(?:apply|use|employ|perform|do|run|execute)$")
# `Count the vowels in a sentence` says where, `describe it in a sentence` how.
_PLACE_OR_MANNER: Final = re.compile(r"\s+in an? (?:word|sentence|line|paragraph)\b")
_INTO: Final = re.compile(r" (?:into|to an?) ")
_BY: Final = re.compile(r"\s+by\b(?! [a-z]+ing\b)")
_DONE: Final = re.compile(r" (?:\w+(?:ed|en|own)|made|said|told|done|sung|built|held|sent|won)$")
_PARTICLE: Final = re.compile(r"(?:out|up|over|down|off|through|at|into|in|on|away|back)\b")
_ENDS_IN_ADVERB: Final = re.compile(r" (?!(?:rep|fami|assemb|anoma)ly)\w{2,}ly$")
# `The answer to the question` is one thing.
_TAKES_TO: Final = re.compile(
    r"\b(?:answer|response|reply|solution|reaction|link|reference|key|continuation|ending|comment"
    r"|introduction|alternative|addition|approach|relation|title|conclusion|contribution)s?$"
)
_QUOTE_NEXT: Final = re.compile(r"\s+[\"'“‘`]")
_MOVED_END: Final = re.compile(rf"{_OBJECT_END.pattern}|\s+(?:from|to)\b")
_HIDDEN_VERB: Final = re.compile(
    r"\b(?:and|then) (?!(?:with|from|of|in|if|whether|as|that|for|to|by|not|between|all|is|are)\b)"
    r"[a-z]+ (?:the|it|its|them|their|an?|whether|if|with)\b"
    r"|\b(?:and|then) (?:try to|be|make sure)\b|, [a-z]+ing\b"
)
