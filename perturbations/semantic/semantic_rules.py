"""Rules that say the main sentence of an instruction in another way.

Each takes a reading and a generator and returns the whole text, or None where it does not fit. What
the rules do to a sentence is shown on `Decide whether the text is formal.`
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from perturbations.parse import Reading, Sentence
from perturbations.request_parse import (
    ENDS_IN_INPUT,
    Ask,
    lower_first,
    names_answer,
    render,
    role_of,
    upper_first,
)
from perturbations.semantic.phrasing import (
    can_inflect,
    in_register,
    is_definite,
    nominal,
    only_prepares,
    passive,
    question,
)

Rule = Callable[[Reading, Ask, Random], str | None]


def as_question(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Can you decide whether the text is formal?`"""
    if _announces(reading, ask):
        return None
    opening = rng.choice(("can you", "could you", "would you please", "could you please"))
    said = _led(ask, f"{opening} {ask.full}")
    return _sentence(reading, said + ("" if _ends_open(ask) else "?"))


def as_request(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`I would like you to decide whether the text is formal.`"""
    if _APART.match(ask.lead):
        return None
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
    if not can_inflect(ask.phrases):
        return None
    doing = render(ask.phrases, "gerund")
    opening = rng.choice(("this task consists of", "this task involves", "the task here is"))
    if ask.lead:
        opening = "you have the task of"
    return _sentence(reading, _closed(ask, _led(ask, f"{opening} {doing}")))


def as_nominal(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Your task is a decision on whether the text is formal.`"""
    nouns = [nominal(phrase) for phrase in ask.phrases]
    role = role_of(ask.lead)
    if not can_inflect(ask.phrases) or not all(nouns) or (ask.lead and not role):
        return None
    if only_prepares(ask):
        return None
    listed = ", ".join(nouns[:-1]) + (" and " if nouns[1:] else "") + nouns[-1]
    opening = rng.choice(("Your task", "The task", "Your job"))
    if role:
        opening = f"Your task as {role}"
    return _sentence(reading, _closed(ask, f"{opening} is {listed}"))


def as_passive(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`It is to be decided whether the text is formal.`"""
    modal = rng.choice((("is to be", "are to be"), ("should be",) * 2, ("must be",) * 2))
    clauses = passive(ask.phrases, modal) if can_inflect(ask.phrases) else ""
    role = role_of(ask.lead)
    if not clauses or (ask.lead and not role and not _FREE_LEAD.match(ask.lead)):
        return None
    if role:
        return _sentence(reading, _in_role(role, _closed(ask, upper_first(clauses))))
    return _sentence(reading, _closed(ask, _led(ask, clauses)))


def as_direct_question(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Is the text formal?`"""
    *before, last = ask.phrases
    asked = question(last)
    if asked is None or (reading.main and reading.main.kind == "question"):
        return None
    if _announces(reading, ask):
        return None
    if before:
        asked = f"{render(tuple(before))}: {asked}"
    elif ask.lead and not _FREE_LEAD.match(ask.lead):
        asked = f"{rng.choice(('tell me', 'say'))}: {asked}"
    return _sentence(reading, _closed(ask, _led(ask, asked), "?"))


def as_wish(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`We want to know whether the text is formal.`"""
    if _APART.match(ask.lead):
        return None
    *before, last = ask.phrases
    role = role_of(ask.lead)
    wish = rng.choice(("we want to know", "we would like to know", "we need to know"))
    known = last.rest if last.decides or (last.verb.what and is_definite(last.rest)) else ""
    if not known or (ask.lead and not role):
        opening = rng.choice(("We want you", "We would like you", "We need you"))
        return _sentence(reading, f"{_asided(opening, ask)} to {ask.full}{_stop(ask, ask.full)}")
    said = f"{wish} {known}"
    said = f"{render(tuple(before))}: {said}" if before else said
    return _sentence(reading, _in_role(role, _closed(ask, upper_first(said))))


def as_conditional(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`If you had to decide whether the text is formal, what would your answer be?`"""
    core = ask.core
    if ":" in core or only_prepares(ask) or _APART.match(ask.lead):
        return None
    if _announces(reading, ask) or (reading.main and reading.main.kind == "answer"):
        return None
    opening = _asided("If you", ask)
    had_to = rng.choice(("had to", "were asked to", "were to"))
    ending = rng.choice(("what would your answer be", "what would you answer"))
    return _sentence(reading, _closed(ask, f"{opening} {had_to} {core}, {ending}", "?"))


def as_formal(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`You are kindly requested to determine whether the text is formal.`"""
    core = render(tuple(in_register(phrase, formal=True) for phrase in ask.phrases))
    opening = rng.choice(
        ("you are kindly requested to", "you are hereby asked to", "it is requested that you")
    )
    if ask.lead:
        opening = "you are kindly requested to"
    return _sentence(reading, _closed(ask, _led(ask, f"{opening} {core}")))


def as_casual(reading: Reading, ask: Ask, rng: Random) -> str | None:
    """`Hey, can you figure out if the text is formal?`"""
    core = render(tuple(in_register(phrase, formal=False) for phrase in ask.phrases))
    opening, ending = rng.choice(
        (("hey, can you", "?"), ("okay, so can you just", "?"), ("just go ahead and", ""))
    )
    if ask.lead:
        opening, ending = rng.choice((("can you just", "?"), ("just go ahead and", "")))
    if _announces(reading, ask):
        opening, ending = "just go ahead and", ""
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
    if len(stated) == 1 and not ask.answer:
        return _merge_answer(reading, stated[0])
    if ask.answer and not _NOT_FIRST.search(ask.answer):
        said = f"{ask.answer[:-1]}: {_led(ask, ask.core, start=False)}"
        return _sentence(reading, said + _stop(ask, ask.core))
    said = _labels_to_front(ask, rng)
    return _sentence(reading, said + _stop(ask, said)) if said else None


def _sentence(reading: Reading, said: str) -> str | None:
    """The text with its main sentence replaced; what was set aside follows it."""
    if reading.main is None or reading.ask is None:
        return None
    said = f"{said} {reading.ask.aside}".rstrip()
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
    if _ends_open(ask):
        return ""
    return ":" if ask.end == ":" else "."


def _ends_open(ask: Ask) -> bool:
    """Whether the main sentence ends in an input's place, with no mark of its own."""
    return not ask.end and not ask.answer and bool(ENDS_IN_INPUT.search(ask.full))


def _announces(reading: Reading, ask: Ask) -> bool:
    """Whether a list or another sentence follows the colon that ends the main sentence."""
    return ask.end == ":" and reading.main is not reading.sentences[-1]


def _closed(ask: Ask, said: str, mark: str = "") -> str:
    """The sentence with its mark, and after it the request to answer."""
    if not ask.answer:
        return said + (mark or _stop(ask, said))
    return f"{said}{mark or '.'} {ask.answer[:-1]}{_stop(ask, '')}"


def _merge_answer(reading: Reading, stated: Sentence) -> str | None:
    main = reading.main
    if main is None or stated.start < main.start or main.kind == "answer":
        return None
    if not _IMPERATIVE_ANSWER.match(stated.text) or _NOT_FIRST.search(stated.text):
        return None
    if not names_answer(stated.text, reading.label_words):
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


RULES: Final[dict[str, Rule]] = {
    "as-question": as_question,
    "as-request": as_request,
    "as-task": as_task,
    "as-obligation": as_obligation,
    "as-activity": as_activity,
    "nominal": as_nominal,
    "passive": as_passive,
    "as-direct-question": as_direct_question,
    "as-wish": as_wish,
    "conditional": as_conditional,
    "formal": as_formal,
    "casual": as_casual,
    "purpose-first": purpose_first,
    "answer-first": answer_first,
}
"""Every rule by name."""

# Leads that cannot stand after `you`: purposes and sentences of their own.
_APART: Final = re.compile(r"(?:To|In order to|Here|Suppose|Imagine|Assume|Let)\b")
_FREE_LEAD: Final = re.compile(
    r"(?:Given|Based|From|In (?!the (?:role|capacity)|your)|With|Considering|Below|On|According)\b"
)
# What refers back cannot come first, and a condition or a colon would be misread before a colon.
_NOT_FIRST: Final = re.compile(
    r"\b(?:it|its|they|their|them|this|that|these|those|otherwise|so|also|then|if|when|unless)\b"
    r"|:\s",
    re.IGNORECASE,
)
_IMPERATIVE_ANSWER: Final = re.compile(
    r"(?:please |kindly )?(?:only )?(?:answer|respond|reply|output|return|write|say|print|use|give"
    r"|choose|select|pick|provide|state|type)\b",
    re.IGNORECASE,
)
_LABEL: Final = r"(?:'[^']+'|\"[^\"]+\"|“[^”]+”|‘[^’]+’|`[^`]+`)"
_LABEL_LIST: Final = re.compile(rf"(?:either )?{_LABEL}(?:,? (?:or |and )?{_LABEL}|, {_LABEL})*")
