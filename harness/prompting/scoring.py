"""From a response to a sample: which label the model chose, and whether it is right."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.core.records import Cell, Draw, Response, Sample, Scorer
from harness.grading import Grade


def score_loglik(
    cell: Cell,
    response: Response,
    prior: Mapping[str, float] | None = None,
    lengths: Mapping[str, float] | None = None,
) -> Sample:
    """The sample of a cell whose answers were scored by log-likelihood.

    The prediction is the answer with the highest score, the first of equals. Of options, `prior`
    may hold what each has without the question, which is taken off (PMI: Holtzman et al. 2021,
    arXiv 2104.08315), and `lengths` what each is divided by.
    """
    return _score_likelihood(cell, response, prior or {}, "loglik", lengths)


def score_calibrated(cell: Cell, response: Response, prior: Mapping[str, float]) -> Sample:
    """The sample of a cell whose labels' log-likelihoods were calibrated.

    The prediction is the label with the highest score less `prior`, its log-probability without
    content: contextual calibration, Zhao et al. 2021, arXiv 2102.09690, section 4 with
    W = diag(p_cf)^-1. The sample keeps the scores as the model returned them.
    """
    return _score_likelihood(cell, response, prior, "calibrated")


def score_generate(cell: Cell, text: str, grade: Grade) -> Sample:
    """The sample of a cell whose answer was generated and read."""
    return _sample(cell, grade, scorer="generate", text=text)


def score_draws(cell: Cell, texts: Sequence[str], grades: Sequence[Grade]) -> Sample:
    """The sample of a cell whose answer was drawn several times.

    The score is the mean over draws. The answer is the most frequent one, the first drawn of
    equals, and the text the first that says it; that nothing could be read is an answer too.
    """
    counts = Counter(grade.answer for grade in grades)
    answer = max(counts, key=counts.__getitem__)
    said = next(n for n, grade in enumerate(grades) if grade.answer == answer)
    mean = math.fsum(grade.score for grade in grades) / len(grades)
    sample = _sample(cell, Grade(mean, answer), scorer="generate", text=texts[said])
    drawn = (
        Draw(grade.answer, grade.score, text) for grade, text in zip(grades, texts, strict=True)
    )
    return replace(sample, draws=tuple(drawn))


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


def _score_likelihood(
    cell: Cell,
    response: Response,
    prior: Mapping[str, float],
    scorer: Scorer,
    lengths: Mapping[str, float] | None = None,
) -> Sample:
    scores = response.scores or {}
    finite = bool(scores) and all(math.isfinite(value) for value in scores.values())
    adjusted = {label: score - prior.get(label, 0.0) for label, score in scores.items()}
    if lengths is not None:
        adjusted = {label: score / lengths[label] for label, score in adjusted.items()}
    prediction = max(adjusted, key=adjusted.__getitem__) if finite else None
    grade = Grade(float(prediction == cell.example.gold), prediction)
    return _sample(cell, grade, scorer=scorer, scores=scores if finite else None)


def _sample(
    cell: Cell,
    grade: Grade,
    *,
    scorer: Scorer,
    scores: Mapping[str, float] | None = None,
    text: str | None = None,
) -> Sample:
    return Sample.of(
        cell.variant,
        cell.example,
        prediction=grade.answer,
        score=grade.score,
        scorer=scorer,
        scores=scores,
        text=text,
    )
