"""Rules that say the main sentence of an instruction in another way.

Each takes a reading and a generator and gives the whole text, or None where it does not fit. What
the rules do to a sentence is shown on `Decide whether the text is formal.`
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from perturbations.questions import is_plural, question_of
from perturbations.reading import (
    Ask,
    Phrase,
    Reading,
    Sentence,
    lower_first,
    names_answer,
    render,
    upper_first,
)
from perturbations.verbs import Verb, verbs

Rule = Callable[[Reading, Ask, Random], str | None]


def as_question(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Can you decide whether the text is formal?`"""
    opening = rng.choice(("can you", "could you", "would you", "could you please"))
    return _sentence(reading, _led(ask, f"{opening} {ask.full}") + "?")


def as_request(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`I would like you to decide whether the text is formal.`"""
    opening, joint = rng.choice(
        (
            ("I would like you", "to "),
            ("I would be grateful if you could", ""),
            ("It would help me if you could", ""),
            ("I am asking you", "to "),
        )
    )
    return _sentence(reading, f"{_asided(opening, ask)} {joint}{ask.full}{_stop(ask, ask.full)}")


def as_task(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Your task is to decide whether the text is formal.`"""
    openings = ("Your task is to", "The task is to", "The goal is to", "Your job is to")
    opening = rng.choice(openings)
    role = role_of(ask.lead)
    if role:
        opening = f"Your {rng.choice(('task', 'job'))} as {role} is to"
    elif ask.lead:
        opening = f"{ask.lead}, you have one task: to"
    return _sentence(reading, f"{opening} {ask.full}{_stop(ask, ask.full)}")


def as_obligation(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`You must decide whether the text is formal.`"""
    opening = rng.choice(("you must", "you should", "you need to", "you have to", "you are to"))
    return _sentence(reading, _led(ask, f"{opening} {ask.full}") + _stop(ask, ask.full))


def as_activity(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`This task consists of deciding whether the text is formal.`"""
    if not _can_inflect(ask.phrases):
        return None
    doing = render(ask.phrases, "gerund")
    opening = rng.choice(("this task consists of", "this task involves", "the task here is"))
    if ask.lead:
        opening = "you have the task of"
    return _sentence(reading, _closed(ask, _led(ask, f"{opening} {doing}")))


def as_nominal(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Your task is a decision on whether the text is formal.`"""
    nouns = [_nominal(phrase) for phrase in ask.phrases]
    role = role_of(ask.lead)
    if not _can_inflect(ask.phrases) or not all(nouns) or (ask.lead and not role):
        return None
    listed = ", ".join(nouns[:-1]) + (" and " if nouns[1:] else "") + nouns[-1]
    opening = rng.choice(("Your task", "The task", "The assignment"))
    if role:
        opening = f"Your task as {role}"
    return _sentence(reading, _closed(ask, f"{opening} is {listed}"))


def as_passive(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`It is to be decided whether the text is formal.`"""
    modal = rng.choice((("is to be", "are to be"), ("should be",) * 2, ("must be",) * 2))
    clauses = _passive(ask.phrases, modal) if _can_inflect(ask.phrases) else ""
    role = role_of(ask.lead)
    if not clauses or (ask.lead and not role and not _FREE_LEAD.match(ask.lead)):
        return None
    if role:
        return _sentence(reading, _in_role(role, _closed(ask, upper_first(clauses))))
    return _sentence(reading, _closed(ask, _led(ask, clauses)))


def as_direct_question(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Is the text formal?`"""
    *before, last = ask.phrases
    question = _question(last)
    if question is None or (reading.main and reading.main.kind == "question"):
        return None
    if before:
        question = f"{render(tuple(before))}: {question}"
    elif ask.lead and not _FREE_LEAD.match(ask.lead):
        question = f"{rng.choice(('tell me', 'say'))}: {question}"
    return _sentence(reading, _closed(ask, _led(ask, question), "?"))


def as_curiosity(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`We want to know whether the text is formal.`"""
    *before, last = ask.phrases
    role = role_of(ask.lead)
    wish = rng.choice(("we want to know", "we would like to know", "we need to know"))
    known = last.rest if last.decides or (last.verb.what and _is_plain(last.rest)) else ""
    if not known or (ask.lead and not role):
        opening = rng.choice(("We want you", "We would like you", "We need you"))
        return _sentence(
            reading, f"{_asided(opening, ask)} to {ask.full}{_stop(ask, ask.full)}"
        )
    said = f"{wish} {known}"
    said = f"{render(tuple(before))}: {said}" if before else said
    return _sentence(reading, _in_role(role, _closed(ask, upper_first(said))))


def as_conditional(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`If you had to decide whether the text is formal, what would your answer be?`"""
    core = ask.core
    if ":" in core:
        return None
    opening = _asided("If you", ask)
    had_to = rng.choice(("had to", "were asked to", "were to"))
    ending = rng.choice(("what would your answer be", "what would you answer"))
    return _sentence(reading, _closed(ask, f"{opening} {had_to} {core}, {ending}", "?"))


def as_formal(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`You are kindly requested to determine whether the text is formal.`"""
    core = render(tuple(_in_register(phrase, formal=True) for phrase in ask.phrases))
    opening = rng.choice(
        ("you are kindly requested to", "you are hereby asked to", "it is requested that you")
    )
    if ask.lead:
        opening = "you are kindly requested to"
    return _sentence(reading, _closed(ask, _led(ask, f"{opening} {core}")))


def as_casual(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Hey, can you figure out if the text is formal?`"""
    core = render(tuple(_in_register(phrase, formal=False) for phrase in ask.phrases))
    opening, ending = rng.choice(
        (("hey, can you", "?"), ("okay, so can you just", "?"), ("just go ahead and", ""))
    )
    if ask.lead:
        opening, ending = rng.choice((("can you just", "?"), ("just go ahead and", "")))
    return _sentence(reading, _closed(ask, _led(ask, f"{opening} {core}"), ending))


def purpose_first(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Read the text and decide if it is formal.`: `To decide if it is formal, read the text.`"""
    *before, last = ask.phrases
    role = role_of(ask.lead)
    if not before or not all(p.verb.prepares and not p.decides for p in before):
        return None
    if last.joint.strip() == "," or (ask.lead and not role):
        return None
    opening = rng.choice(("to", "in order to"))
    said = f"{opening} {render((replace(last, joint=''),))}, {render(tuple(before))}"
    if not ask.answer and not any(s.kind == "answer" for s in reading.sentences):
        said += rng.choice((" and give your answer", " and answer accordingly"))
    return _sentence(reading, _in_role(role, _closed(ask, upper_first(said))))


def answer_first(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Answer with 'yes' or 'no': decide whether the text is formal.`"""
    stated = [s for s in reading.sentences if s.kind == "answer" and s is not reading.main]
    if len(stated) == 1 and not ask.answer and not _REFERS_BACK.search(stated[0].text):
        return _merge_answer(reading, stated[0])
    if ask.answer and not _REFERS_BACK.search(ask.answer):
        said = f"{ask.answer[:-1]}: {_led(ask, ask.core, start=False)}"
        return _sentence(reading, said + _stop(ask, ask.core))
    said = _labels_to_front(ask, rng)
    return _sentence(reading, said + _stop(ask, said)) if said else None


def role_of(lead: str) -> str:
    """`a critic` from `As a critic` or `In the role of a critic`; empty for another lead."""
    match = _ROLE_LEAD.match(lead)
    return match["role"] if match else ""


def _sentence(reading: Reading, said: str) -> str | None:
    """The text with its main sentence replaced."""
    if reading.main is None:
        return None
    return reading.with_sentences({reading.main: upper_first(said)})


def _led(ask: Ask, said: str, *, start: bool = True) -> str:
    """The sentence after the ask's lead, as it was."""
    if not ask.lead:
        return upper_first(said) if start else said
    return f"{ask.lead if start else lower_first(ask.lead)}, {said}"


def _in_role(role: str, said: str) -> str:
    """The sentence after one that gives the role, where there is a role."""
    return f"You are {role}. {said}" if role else said


def _asided(opening: str, ask: Ask) -> str:
    """`I would like you, as a critic,`: the lead put where `you` is its subject."""
    if not ask.lead:
        return opening
    return re.sub(r"\byou\b", f"you, {lower_first(ask.lead)},", opening, count=1)


def _stop(ask: Ask, said: str) -> str:
    """The mark that ends a statement: the sentence's own colon, else a full stop."""
    if "this question:" in said:
        return "?"
    return ":" if ask.end == ":" else "."


def _closed(ask: Ask, said: str, mark: str = "") -> str:
    """The sentence with its mark, and after it the request to answer."""
    if not ask.answer:
        return said + (mark or _stop(ask, said))
    return f"{said}{mark or '.'} {ask.answer[:-1]}{_stop(ask, '')}"


def _can_inflect(phrases: tuple[Phrase, ...]) -> bool:
    """Whether no verb hides in a phrase's object, where it would keep its form."""
    return not any(_HIDDEN_VERB.search(phrase.rest) for phrase in phrases)


def _is_plain(rest: str) -> bool:
    """Whether an object is a noun phrase and nothing more."""
    return bool(_DETERMINED.match(rest)) and not _OBJECT_END.search(rest) and "," not in rest


def _nominal(phrase: Phrase) -> str:
    noun, rest = phrase.verb.noun, phrase.rest
    if not noun or phrase.adverb:
        return ""
    if phrase.decides:
        return f"{phrase.verb.clause_noun or noun} {_whether(rest)}"
    pronoun = re.match(r"(it|them)\b\s*", rest)
    if pronoun:
        owner = "its" if pronoun[1] == "it" else "their"
        return f"{owner} {noun.split()[1]} {rest[pronoun.end() :]}".rstrip()
    return f"{noun} {rest}" if _DETERMINED.match(rest) else ""


def _passive(phrases: tuple[Phrase, ...], modal: tuple[str, str]) -> str:
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
    if not phrase.verb.passive or phrase.verb.answers:
        return ""
    if phrase.decides:
        return f"it {modal[0]} {doing} {phrase.rest}"
    pronoun = re.match(r"(?:it|them)\b\s*", phrase.rest)
    if pronoun:
        return f"{doing} {phrase.rest[pronoun.end() :]}".rstrip() if phrase.joint else ""
    end = (_MOVED_END if phrase.verb.base in _MOVING else _OBJECT_END).search(phrase.rest)
    thing = phrase.rest[: end.start()] if end else phrase.rest
    after = phrase.rest[len(thing) :]
    if not _DETERMINED.match(thing) or "," in thing or re.match(r"[,:]", after):
        return ""
    return f"{thing} {modal[is_plural(thing)]} {doing}{after}"


def _question(phrase: Phrase) -> str | None:
    """The question that a phrase's verb stands for."""
    if phrase.decides:
        return question_of(re.sub(r"^(?:if|whether) (?:or not )?", "", phrase.rest))
    named = re.match(r"(?P<thing>.+?) as (?:either |being )?(?P<labels>[\"'“‘\w].*)$", phrase.rest)
    if phrase.verb.names and named and names_answer(named["labels"]):
        if _OBJECT_END.search(named["thing"]) or re.search(r"\bif\b|\bfor\b", named["labels"]):
            return None
        be = "are" if named["thing"] == "them" or is_plural(named["thing"]) else "is"
        thing = "they" if named["thing"] == "them" else named["thing"]
        return f"{be} {thing} {named['labels']}"
    if phrase.verb.what and _is_plain(phrase.rest):
        return f"what {'are' if is_plural(phrase.rest) else 'is'} {phrase.rest}"
    return None


def _merge_answer(reading: Reading, stated: Sentence) -> str | None:
    main = reading.main
    if main is None or stated.start < main.start or not _IMPERATIVE_ANSWER.match(stated.text):
        return None
    asked = lower_first(main.text)
    if stated.text.endswith(":") and asked.endswith("."):
        asked = asked[:-1] + ":"
    answer = stated.text.rstrip(" .:?!")
    return reading.with_sentences({main: f"{answer}: {asked}", stated: ""})


def _labels_to_front(ask: Ask, rng: Random) -> str:
    """The labels that end the sentence, said before it; empty where it ends in none."""
    *before, last = ask.phrases
    named = re.match(r"(?P<rest>.+) as (?:either )?(?P<labels>\S+(?: \S+){0,12})$", last.rest)
    role = role_of(ask.lead)
    if last.verb.names and named and _LABEL_LIST.fullmatch(named["labels"]):
        if ask.lead and not role:
            return ""
        core = render((*before, replace(last, rest=named["rest"])))
        word = rng.choice(("labels", "answers", "options"))
        return _in_role(role, f"With {named['labels']} as the possible {word}, {core}")
    clause = re.match(r"(?:if|whether) (?P<thing>.+) (?P<be>is|are) (?P<labels>.+)$", last.rest)
    if last.decides and clause and _LABEL_LIST.fullmatch(clause["labels"]):
        which = f"which of these {clause['thing']} {clause['be']}"
        core = render((*before, replace(last, rest=which)))
        return f"{clause['labels']}? {upper_first(_led(ask, core))}"
    return ""


def _in_register(phrase: Phrase, *, formal: bool) -> Phrase:
    """The phrase with a verb of that register, where the verb has one."""
    verb, rest = phrase.verb, phrase.rest
    if formal:
        other = verb.formal
        rest = _whether(rest) if phrase.decides else rest
    else:
        other = "figure out" if phrase.decides and verb.prepares else verb.casual
        rest = re.sub(r"^whether (?!or not)", "if ", rest) if phrase.decides else rest
    if not other or re.search(r"\binto\b", rest) or re.match(r"me\b", rest):
        return replace(phrase, rest=rest)
    return replace(phrase, verb=verbs().get(other, Verb(other)), rest=rest)


def _whether(clause: str) -> str:
    return re.sub(r"^if ", "whether ", clause)


RULES: Final[dict[str, Rule]] = {
    "question": as_question,
    "request": as_request,
    "task": as_task,
    "obligation": as_obligation,
    "activity": as_activity,
    "nominal": as_nominal,
    "passive": as_passive,
    "direct-question": as_direct_question,
    "curiosity": as_curiosity,
    "conditional": as_conditional,
    "formal": as_formal,
    "casual": as_casual,
    "purpose-first": purpose_first,
    "answer-first": answer_first,
}
"""Every rule by name."""

_ROLE_LEAD: Final = re.compile(
    r"(?:As|(?:While |When )?(?:Acting|Working|Functioning|Serving) as|Being"
    r"|In (?:the|your) (?:role|capacity|position|shoes) (?:of|as)"
    r"|(?:Taking|Assuming) (?:on )?the (?:role|position) of) (?P<role>an? .+)$",
    re.IGNORECASE,
)
_FREE_LEAD: Final = re.compile(
    r"(?:Given|Based|From|In (?!the (?:role|capacity)|your)|With|Considering|Below|On|According)\b"
)
_DETERMINED: Final = re.compile(
    r"(?:the|an?|this|that|these|those|all|each|every|both|its|their|your|one|two|any)\b"
)
_OBJECT_END: Final = re.compile(
    r"\s+(?:as|into|by|if|based on|according to|using|in order|so that|such that|while|whether"
    r"|without)\b|[,:]"
)
_MOVED_END: Final = re.compile(rf"{_OBJECT_END.pattern}|\s+(?:from|to|in|for)\b")
_MOVING: Final = frozenset(
    "translate convert change transform extract choose select pick perform turn assign add".split()
)
_HIDDEN_VERB: Final = re.compile(
    r"\b(?:and|then) (?!(?:with|from|of|in|if|whether|as|that|for|to|by|not|between|all|is|are)\b)"
    r"[a-z]+ (?:the|it|its|them|their|an?|whether|if|with)\b|, [a-z]+ing\b"
)
_REFERS_BACK: Final = re.compile(
    r"\b(?:it|its|they|their|them|this|that|these|those|otherwise|so|also|such|the latter)\b",
    re.IGNORECASE,
)
_IMPERATIVE_ANSWER: Final = re.compile(
    r"(?:please |kindly )?(?:only )?(?:answer|respond|reply|output|return|write|say|print|use|give"
    r"|choose|select|pick|provide|state|type)\b",
    re.IGNORECASE,
)
_LABEL: Final = r"(?:'[^']+'|\"[^\"]+\"|“[^”]+”|‘[^’]+’|`[^`]+`)"
_LABEL_LIST: Final = re.compile(rf"(?:either )?{_LABEL}(?:,? (?:or |and )?{_LABEL}|, {_LABEL})*")
