"""From a response to a sample: which label the model chose, and whether it is right."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from harness.core.records import Cell, Response, Sample

Scorer = Literal["loglik", "generate"]

_OPENING = " \t\r\n\"'`*_#>-([{:.,"


def score_loglik(
    cell: Cell, response: Response, prior: Mapping[str, float] | None = None
) -> Sample:
    """The sample of a cell whose labels were scored by log-likelihood.

    The prediction is the label with the highest score, the first of equals. With a `prior`
    (content-free log-probabilities) it is the highest score less prior: contextual calibration,
    Zhao et al. 2021, arXiv 2102.09690, section 4 with W = diag(p_cf)^-1.
    """
    scores = response.scores or {}
    finite = bool(scores) and all(math.isfinite(value) for value in scores.values())
    adjusted = {label: s - (prior[label] if prior else 0.0) for label, s in scores.items()}
    prediction = max(adjusted, key=adjusted.__getitem__) if finite else None
    return _sample(cell, prediction, scorer="loglik", scores=scores if finite else None)


def score_generate(cell: Cell, response: Response, parse: Callable[[str], str | None]) -> Sample:
    """The sample of a cell whose answer was generated and parsed."""
    text = response.text or ""
    return _sample(cell, parse(text), scorer="generate", text=text)


def content_free_prior(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Log of the mean label probability over content-free inputs (Zhao et al. 2021).

    Each element of `scores` maps labels to log-likelihoods for one content-free input; they are
    normalised over the labels before the mean is taken.
    """
    total = dict.fromkeys(scores[0], 0.0)
    for one in scores:
        top = max(one.values())
        norm = sum(math.exp(value - top) for value in one.values())
        for label, value in one.items():
            total[label] += math.exp(value - top) / norm
    floor = 1e-12  # a label that no content-free input ever favours must not become infinite
    return {label: math.log(max(mass / len(scores), floor)) for label, mass in total.items()}


class LabelParser:
    """Reads a label out of generated text.

    The text decides by its start where that is a label word (case, quotes and markup aside), the
    longest word winning; otherwise by the only label whose word stands in its first line. Text
    that names no label, or several, is unparsed.
    """

    def __init__(self, verbalizer_of: Mapping[str, str]) -> None:
        words = sorted(verbalizer_of.items(), key=lambda item: -len(item[1]))
        self._words = [(label, " ".join(word.lower().split())) for label, word in words]
        self._starts = [(label, _pattern(word, start=True)) for label, word in words]
        self._anywhere = [(label, _pattern(word, start=False)) for label, word in words]

    def parse(self, text: str) -> str | None:
        """The label, or None where the text is unparsed."""
        start = self._label_at_start(text)
        return start if start is not None else self._only_label(text)

    def is_decided(self, text: str) -> bool:
        """Whether more text cannot change what `parse` gives.

        True once a label word at the start is followed by something else and what stands there
        cannot grow into a longer label word ("not" may still become "not equivalent").
        """
        found = self._label_at_start(text)
        if found is None:
            return False
        said = " ".join(text.lstrip(_OPENING).lower().split())
        longer = (word for label, word in self._words if label != found)
        if any(word.startswith(said) for word in longer):
            return False
        return len(said) > len(dict(self._words)[found])

    def _label_at_start(self, text: str) -> str | None:
        stripped = text.lstrip(_OPENING)
        for label, pattern in self._starts:
            if pattern.match(stripped):
                return label
        return None

    def _only_label(self, text: str) -> str | None:
        lines = text.strip().splitlines()
        rest = lines[0] if lines else ""
        found = []
        for label, pattern in self._anywhere:
            if pattern.search(rest):
                found.append(label)
                # "not equivalent" must not count as "equivalent" as well.
                rest = pattern.sub(" ", rest)
        return found[0] if len(found) == 1 else None


def _pattern(word: str, *, start: bool) -> re.Pattern[str]:
    body = r"\s+".join(re.escape(part) for part in word.split())
    before = "" if start else r"(?<!\w)"
    return re.compile(rf"{before}{body}(?!\w)", re.IGNORECASE)


def _sample(
    cell: Cell,
    prediction: str | None,
    *,
    scorer: Scorer,
    scores: Mapping[str, float] | None = None,
    text: str | None = None,
) -> Sample:
    variant, example = cell.variant, cell.example
    return Sample(
        variant_id=variant.id,
        example_id=example.id,
        task=variant.task,
        level=variant.level,
        perturbation=variant.perturbation,
        instruction_id=variant.instruction_id,
        gold=example.gold,
        prediction=prediction,
        correct=prediction == example.gold,
        parsed=prediction is not None,
        scorer=scorer,
        scores=scores,
        text=text,
    )
