"""From attributions on disk to explanation.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.core.records import CLEAN, Variant, in_level_order
from harness.explanation.choose import Pair
from harness.explanation.measures import (
    Observation,
    Statistics,
    find_links,
    mean_of,
    measure_group,
    observe,
)
from harness.explanation.outcomes import Outcome, loss_of, read_outcomes
from harness.explanation.plan import ExplanationPlan, scope_of
from harness.explanation.store import ATTRIBUTIONS, Attribution, Key, read_attributions
from harness.explanation.values import PairValues, cell_values, pair_values
from harness.results.explanation import (
    EXPLANATION_VERSION,
    Explanation,
    Faithfulness,
    Fate,
    GroupMeasures,
    Measure,
    ModelExplanation,
    ShownCell,
    ShownPair,
    ShownSide,
    ShownWord,
)
from harness.results.quantity import Quantity
from harness.results.rundir import Run

_COMPARED: Final[tuple[Measure, ...]] = (
    "instruction", "input", "instruction_share", "shift", "share_shift", "score",
)  # fmt: skip
"""What a tuned model is compared in."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A run's explained cells with what came of them."""

    run: Run
    attributions: Mapping[Key, Attribution]
    outcomes: Mapping[Key, Outcome]
    pairs: tuple[PairValues, ...]
    """Those of which both cells are explained."""
    clean: tuple[PairValues, ...]
    """The sampled pairs' clean twins, each once, by themselves."""

    @property
    def sampled(self) -> list[PairValues]:
        """The pairs over which means are taken."""
        return [one for one in self.pairs if one.pair.is_sampled]


def gather(plan: ExplanationPlan, run: Run) -> Explained:
    """What is on disk of a run's cells."""
    home = plan.run.path / ATTRIBUTIONS
    found = read_attributions(home, scope_of(run, plan.answers))
    outcomes = read_outcomes(run, plan.keys)
    variants = {variant.id: variant for variant in run.variant_records}
    words = {
        name: tuple(task["label_words"]) if task.get("kind", "labels") == "labels" else ()
        for name, task in run.manifest["tasks"].items()
    }
    pairs = tuple(
        _pair(pair, variants[pair.variant_id], found, outcomes, words[pair.task])
        for pair in plan.pairs
        if pair.key in found and pair.clean_key in found
    )
    twins = {one.pair.clean_key: one for one in pairs if one.pair.is_sampled}
    clean = tuple(
        _alone(one, found[key], words[one.pair.task]) for key, one in sorted(twins.items())
    )
    return Explained(run, found, outcomes, pairs, clean)


def summarize(
    plan: ExplanationPlan,
    explained: Sequence[Explained],
    left_out: Sequence[int],
    faithfulness: Sequence[Faithfulness | None],
    confidence: float,
) -> Explanation:
    """The content of explanation.json.

    Args:
        plan: What was to be explained.
        explained: What was, run by run.
        left_out: Cells of each run whose answer had no token.
        faithfulness: What checks found on each, None where none were made.
        confidence: Of intervals.
    """
    statistics = Statistics(confidence, plan.choice.seed)
    return Explanation(
        schema_version=EXPLANATION_VERSION,
        run_id=str(plan.run.manifest["run_id"]),
        answers=plan.answers,
        seed=plan.choice.seed,
        confidence=confidence,
        sampled=sum(pair.is_sampled for pair in plan.pairs),
        models=tuple(
            _model(plan, one, missing, checked, statistics)
            for one, missing, checked in zip(explained, left_out, faithfulness, strict=True)
        ),
        gains=_gains(plan, explained, confidence) if len(explained) > 1 else {},
        worst=tuple(_shown(plan, explained)),
    )


def _pair(
    pair: Pair,
    variant: Variant,
    found: Mapping[Key, Attribution],
    outcomes: Mapping[Key, Outcome],
    label_words: tuple[str, ...],
) -> PairValues:
    clean, perturbed = found[pair.clean_key], found[pair.key]
    before, after = outcomes[pair.clean_key], outcomes[pair.key]
    shifted, matches = pair_values(clean, perturbed, variant)
    return PairValues(
        pair=pair,
        instruction_id=variant.instruction_id,
        values={**cell_values(perturbed, label_words), **shifted},
        matches=matches,
        loss=loss_of(before, after),
        flipped=before.flips_to(after),
    )


def _alone(one: PairValues, clean: Attribution, label_words: tuple[str, ...]) -> PairValues:
    """A clean cell by itself, as the others are measured."""
    pair = Pair(one.pair.task, one.pair.example_id, one.pair.clean_id, one.pair.clean_id)
    values = cell_values(clean, label_words)
    return PairValues(pair, one.instruction_id, values, {}, loss=0.0, flipped=False)


def _model(
    plan: ExplanationPlan,
    explained: Explained,
    left_out: int,
    checked: Faithfulness | None,
    statistics: Statistics,
) -> ModelExplanation:
    sampled, confidence = explained.sampled, statistics.confidence
    manifest = explained.run.manifest
    cells = [explained.attributions[key] for key in plan.keys if key in explained.attributions]
    scores = [observe(one, one.values["score"]) for one in (*explained.clean, *sampled)]
    right = [explained.outcomes[one.pair.key].is_right for one in (*explained.clean, *sampled)]
    return ModelExplanation(
        name=str(manifest["model"]["name"]),
        fingerprint=str(manifest["content"]["model"]),
        run=str(explained.run.path),
        cells=len(cells),
        left_out=left_out,
        answer_tokens=sum(one.tokens for one in cells) / len(cells) if cells else 0.0,
        levels=_groups(plan.run, explained, "level", confidence),
        perturbations=_groups(plan.run, explained, "perturbation", confidence),
        density=find_links(sampled, "shift", statistics),
        share=find_links(sampled, "share_shift", statistics),
        right=_mean_where(scores, right, True, confidence),
        wrong=_mean_where(scores, right, False, confidence),
        faithfulness=checked,
    )


def _mean_where(
    scores: Sequence[Observation], right: Sequence[bool], wanted: bool, confidence: float
) -> Quantity | None:
    held = [score for score, is_right in zip(scores, right, strict=True) if is_right is wanted]
    return mean_of(held, "ratio", confidence)


def _groups(run: Run, explained: Explained, by: str, confidence: float) -> dict[str, GroupMeasures]:
    """The measures by level, clean first, or by perturbation."""
    named = {one.id: str(getattr(one, by)) for one in run.variant_records}
    groups: dict[str, list[PairValues]] = {}
    for one in explained.sampled:
        groups.setdefault(named[one.pair.variant_id], []).append(one)
    if by == "level" and explained.clean:
        groups[CLEAN] = list(explained.clean)
    order = in_level_order(groups) if by == "level" else sorted(groups)
    return {name: measure_group(groups[name], confidence) for name in order}


def _gains(
    plan: ExplanationPlan, explained: Sequence[Explained], confidence: float
) -> dict[str, dict[Measure, Quantity]]:
    """Level -> how much more the second run's model has than the first's, on the same cells."""
    level = {one.id: one.level for one in plan.run.variant_records}
    first, second = (
        {one.pair.key: one for one in (*one_run.clean, *one_run.sampled)} for one_run in explained
    )
    gains: dict[str, dict[Measure, Quantity]] = {}
    for name in in_level_order({level[variant] for variant, _ in first}):
        both = [key for key in first if key in second and level[key[0]] == name]
        found = {
            measure: mean_of(
                (
                    observe(first[key], second[key].values[measure] - first[key].values[measure])
                    for key in both
                    if measure in first[key].values and measure in second[key].values
                ),
                "ratio",
                confidence,
            )
            for measure in _COMPARED
        }
        gains[name] = {measure: value for measure, value in found.items() if value is not None}
    return gains


def _shown(plan: ExplanationPlan, explained: Sequence[Explained]) -> Iterable[ShownPair]:
    """The worst variants' flips that every run has explained."""
    variants = {variant.id: variant for variant in plan.run.variant_records}
    by_key = [{one.pair.key: one for one in run.pairs} for run in explained]
    worst = [pair for pair in plan.pairs if pair.is_worst] or list(plan.pairs[:20])
    for pair in worst:
        if all(pair.key in held for held in by_key):
            variant = variants[pair.variant_id]
            yield ShownPair(
                task=pair.task,
                example_id=pair.example_id,
                instruction_id=variant.instruction_id,
                variant_id=pair.variant_id,
                level=variant.level,
                perturbation=variant.perturbation,
                gold=explained[0].outcomes[pair.key].gold,
                sides=tuple(
                    _side(run, held[pair.key]) for run, held in zip(explained, by_key, strict=True)
                ),
            )


def _side(run: Explained, one: PairValues) -> ShownSide:
    fates = {place: match.fate for place, match in one.matches.items()}
    return ShownSide(
        model=str(run.run.manifest["model"]["name"]),
        clean=_cell(run, one.pair.clean_key, {}),
        perturbed=_cell(run, one.pair.key, fates),
    )


def _cell(run: Explained, key: Key, fates: Mapping[int, Fate]) -> ShownCell:
    cell, outcome = run.attributions[key], run.outcomes[key]
    return ShownCell(
        said=cell.said,
        prediction=outcome.prediction,
        is_right=outcome.is_right,
        words=tuple(
            ShownWord(
                word.text,
                word.part,
                word.density,
                word.share,
                after_space=_follows_space(cell, place),
                fate=fates.get(place),
            )
            for place, word in enumerate(cell.words)
        ),
    )


def _follows_space(cell: Attribution, place: int) -> bool:
    """Whether white space stands between a word and the one before it in its part."""
    word, before = cell.words[place], cell.words[place - 1]
    beside = before.offset + len(before.text) == word.offset
    return place == 0 or (before.part, before.copy) != (word.part, word.copy) or not beside
