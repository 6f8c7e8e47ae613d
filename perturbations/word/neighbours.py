"""Word level, neighbours: WordNet synonyms and near words of a counter-fitted vector space."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Final, cast

from perturbations.base import Apply, Draft, Perturbation, Subject
from perturbations.resources import read_words, word_list
from perturbations.tokens import ONE_WORD_IN_EIGHT
from perturbations.word.wordforms import PACKAGE, Form, find_form, inflect, replace_forms

WORDNET_FILE: Final = "words/wordnet30_synonyms.json.xz"
COUNTERFITTED_FILE: Final = "words/counterfitted_neighbors.json.xz"


def _bind_wordnet(data_dir: Path | None) -> Apply:
    def apply(subject: Subject, rng: Random) -> Draft | None:
        table = read_words(WORDNET_FILE, data_dir=data_dir, needed_for="wordnet")
        return _use_synonyms(table, subject, rng)

    return apply


def _bind_counterfitted(data_dir: Path | None) -> Apply:
    def apply(subject: Subject, rng: Random) -> Draft | None:
        table = read_words(COUNTERFITTED_FILE, data_dir=data_dir, needed_for="counterfitted")
        return _use_neighbours(cast("Mapping[str, list[str]]", table), subject, rng)

    return apply


def _use_synonyms(wordnet: Mapping[str, object], subject: Subject, rng: Random) -> Draft | None:

    def synonyms(word: str, form: Form) -> list[str]:
        """One-word synonyms in any sense but a crude one, in the form of the word."""
        entry = cast("Mapping[str, Mapping[str, list[list[str]]]]", wordnet.get(form.lemma, {}))
        senses = entry.get(form.part[0].lower(), {}).get("s", [])
        decent = [sense for sense in senses if word_list("crude").isdisjoint(sense)]
        lemmas = {lemma for sense in decent for lemma in sense if _is_plain(lemma)}
        return sorted({one for lemma in lemmas for one in inflect(lemma, form.tag)[:1]} - {word})

    return replace_forms(subject, rng, synonyms)


def _use_neighbours(near: Mapping[str, list[str]], subject: Subject, rng: Random) -> Draft | None:

    def neighbours(word: str, form: Form) -> list[str]:
        """Near words of the same part of speech and form, of another lemma.

        The space holds names and foreign words next to rare ones; such a nearness is not mutual.
        """
        mutual = [other for other in near.get(word, ()) if word in near.get(other, ())]
        mutual = [other for other in mutual if other not in word_list("crude")]
        forms = {other: find_form(other, form.part) for other in mutual if _is_plain(other)}
        return [
            other
            for other, own in forms.items()
            if own is not None and own.tag == form.tag and own.lemma != form.lemma
        ]

    return replace_forms(subject, rng, neighbours)


def _is_plain(word: str) -> bool:
    return word.isalpha() and word.islower()


WORDNET: Final = Perturbation(
    name="wordnet",
    level="word",
    description="A noun or verb becomes a WordNet synonym, in any decent sense (Wei and Zou 2019).",
    apply=_bind_wordnet(None),
    bind=_bind_wordnet,
    amount=ONE_WORD_IN_EIGHT,
    needs=(WORDNET_FILE, PACKAGE),
    validity_note="62 % of its variants were judged to ask for something else: a published attack, "
    "kept as it is; its drop is partly its own fault.",
    graded=True,
)

COUNTERFITTED: Final = Perturbation(
    name="counterfitted",
    level="word",
    description="A noun or verb becomes a near one in counter-fitted vectors (Jin et al. 2020).",
    apply=_bind_counterfitted(None),
    bind=_bind_counterfitted,
    amount=ONE_WORD_IN_EIGHT,
    needs=(COUNTERFITTED_FILE, PACKAGE),
    validity_note="69 % of its variants were judged to ask for something else: a published attack, "
    "kept as it is; its drop is partly its own fault.",
    graded=True,
)
