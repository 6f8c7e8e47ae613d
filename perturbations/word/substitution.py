"""Word level, substitution by table: misspellings, spelling norms, contractions, slips."""

from __future__ import annotations

import re
from functools import cache
from random import Random
from typing import Final

from harness.core.records import Edit
from perturbations.base import Apply, Draft, Perturbation, Subject
from perturbations.diff import draft_by
from perturbations.resources import table
from perturbations.tokens import (
    ONE_WORD_IN_EIGHT,
    Rewrite,
    free_words,
    in_words,
    is_protected,
    match_case,
)

# What shows that 's is short for `has`.
_AFTER_HAS: Final = re.compile(r" (?:been|got|had|become)\b", re.IGNORECASE)


def _by_table(name: str) -> Rewrite:
    """Replaces a word by one of its alternatives in a shipped table, in the word's case."""

    def rewrite(word: str, rng: Random) -> tuple[int, int, str] | None:
        alternatives = table(name).get(word.lower().replace("’", "'"))
        if alternatives is None:
            return None
        return 0, len(word), match_case(rng.choice(alternatives), word)

    return rewrite


def _everywhere(rewrite: Rewrite) -> Apply:
    """Changes every word that the rewrite knows."""

    def apply(subject: Subject, rng: Random) -> Draft | None:
        edits: list[Edit] = []
        for word in free_words(subject):
            change = rewrite(word.text, rng)
            if change is not None:
                edits.append(Edit(word.start, word.end, word.text, change[2]))
        return draft_by(subject.text, edits)

    return apply


def _contract(subject: Subject, _: Random) -> Draft | None:
    contractions = table("contractions")
    edits: list[Edit] = []
    for match in _contractible().finditer(subject.text):
        first, second = match.group(1), match.group(2)
        full = f"{first} {second}".lower()
        if full in contractions and not is_protected(*match.span(), subject.protected):
            suffix = contractions[full][0][len(first) :]
            start, end = match.end(1), match.end(2)
            after = suffix.upper() if second.isupper() else suffix
            edits.append(Edit(start, end, subject.text[start:end], after))
    return draft_by(subject.text, edits)


@cache
def _contractible() -> re.Pattern[str]:
    """Two words that may contract; another must follow, as in `what it is.` they do not."""
    firsts, seconds = zip(*(full.split() for full in table("contractions")), strict=True)
    first, second = "|".join(sorted({*firsts})), "|".join(sorted({*seconds}))
    return re.compile(rf"(?<!\w)({first}) ({second})(?= [^\W\d_])", re.IGNORECASE)


def _expand(subject: Subject, _: Random) -> Draft | None:
    edits: list[Edit] = []
    for word in free_words(subject):
        full = _full_forms().get(word.text.lower().replace("’", "'"))
        if full is None:
            continue
        if full.endswith(" is") and _AFTER_HAS.match(subject.text, word.end):
            full = full.removesuffix("is") + "has"
        edits.append(Edit(word.start, word.end, word.text, match_case(full, word.text)))
    return draft_by(subject.text, edits)


@cache
def _full_forms() -> dict[str, str]:
    return {short[0]: full for full, short in table("contractions").items()}


MISSPELLING: Final = Perturbation(
    name="misspelling",
    level="word",
    description="A word is misspelt as people misspell it (Belinkov and Bisk 2018, 'natural').",
    apply=in_words(_by_table("misspellings")),
    amount=ONE_WORD_IN_EIGHT,
    graded=True,
)

HOMOPHONE: Final = Perturbation(
    name="homophone",
    level="word",
    description="A word becomes one that sounds alike (Dhole et al. 2021, NL-Augmenter).",
    apply=in_words(_by_table("homophones"), min_length=2),
    amount=ONE_WORD_IN_EIGHT,
    graded=True,
)

SPELLING: Final = Perturbation(
    name="uk-us",
    level="word",
    description="British spelling becomes American and the other way round (Dhole et al. 2021).",
    apply=_everywhere(_by_table("spellings")),
    amount="every such word",
)

ABBREVIATION: Final = Perturbation(
    name="abbreviation",
    level="word",
    description="Words are shortened as in chats: 'abt', 'pls' (Dhole et al. 2021, NL-Augmenter).",
    apply=in_words(_by_table("abbreviations"), min_length=3),
    amount=ONE_WORD_IN_EIGHT,
    graded=True,
)

CONTRACTION: Final = Perturbation(
    name="contraction",
    level="word",
    description="'It is' becomes 'it's'; negations stay (Ribeiro et al. 2020, CheckList).",
    apply=_contract,
    amount="every place",
)

EXPANSION: Final = Perturbation(
    name="expansion",
    level="word",
    description="'It's' becomes 'it is'; negations stay (Ribeiro et al. 2020, CheckList).",
    apply=_expand,
    amount="every place",
)

ARTICLE: Final = Perturbation(
    name="article",
    level="word",
    description="A learner's wrong article: 'a' for 'the' (the errors of Ng et al. 2014).",
    apply=in_words(_by_table("learner_articles"), min_length=1),
    amount=ONE_WORD_IN_EIGHT,
    graded=True,
)

PREPOSITION: Final = Perturbation(
    name="preposition",
    level="word",
    description="A learner's wrong preposition: 'on' for 'in' (the errors of Ng et al. 2014).",
    apply=in_words(_by_table("learner_prepositions"), min_length=2),
    amount=ONE_WORD_IN_EIGHT,
    graded=True,
)

AGREEMENT: Final = Perturbation(
    name="agreement",
    level="word",
    description="A verb disagrees with its subject: 'it are' (the errors of Ng et al. 2014).",
    apply=in_words(_by_table("learner_agreement"), min_length=2),
    amount=ONE_WORD_IN_EIGHT,
    graded=True,
)
