"""summary.json as typed records: written once, from the samples, and read by every reader.

A record is what stands in the file: `Summary.levels["word"].drop` is the file's
`levels.word.drop`, and its interval the file's `levels.word.drop_ci`. A reader checks everything
that it reads, so a damaged or foreign file is one error that names the key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from harness.core.records import SemanticSource, StrengthName
from harness.results.jsonfiles import Json
from harness.results.quantity import (
    Count,
    Difference,
    Fraction,
    Number,
    Ratio,
    Share,
    as_written,
    quantities_of,
)
from harness.results.reliability import ReliabilityStats
from harness.results.similarity import SimilarityStats

VariantEstimates: TypeAlias = Literal["own cells", "shrunken"]
"""Whether variants' accuracies are means of their own cells, which are all there, or are estimated
from a part of the grid and drawn towards each other as far as their errors ask for."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """With the summary's confidence, so large a share of variants of this kind is so accurate."""

    content: Fraction
    """The share of variants; .9, or less where few were asked."""
    accuracy: Fraction
    """What that share keeps above."""


@dataclass(frozen=True, slots=True)
class VarianceShares:
    """What share of the variance of scores comes from where; they sum to 1."""

    examples: Fraction
    instructions: Fraction
    perturbations: Fraction
    variants: Fraction
    """Of one instruction under one perturbation, beyond what either brings alone."""
    instructions_on_examples: Fraction
    """Of one instruction on one example, alike for its variants."""
    perturbations_on_examples: Fraction
    cells: Fraction
    """Of single answers: what nothing else explains."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """By what share asking more would narrow an interval, as its variance parts predict it."""

    of: Literal["accuracy", "drop"]
    """Whose interval."""
    examples: Fraction
    """With twice the examples."""
    instructions: Fraction
    """With twice the instructions."""
    cells: Fraction
    """With every variant asked on every example."""
    best: Literal["examples", "instructions", "cells", "nothing"]
    """Which narrows it most; nothing where it is within one point already."""


@dataclass(frozen=True, slots=True)
class GroupStats:
    """Every metric of one group of cells: a level, a perturbation, or one of them in a task.

    None where a metric is undefined. docs/statistics.md defines each.
    """

    accuracy: Share | None
    drop: Difference | None
    pdr: Ratio | None
    worst_prompt_accuracy: Share | None
    best_prompt_accuracy: Share | None
    spread: Share | None
    worst_case_accuracy: Share | None
    best_case_accuracy: Share | None
    consistency: Share | None
    kappa: Ratio | None
    correct_and_consistent: Share | None
    instance_sensitivity: Share | None
    flip_rate: Share | None
    largest_answer_share: Share | None
    """The share of answers that are the most frequent label; 1: it says the same to everything."""
    posix: Ratio | None
    answer_entropy: Share | None
    unparsed_rate: Share | None
    accuracy_parsed: Share | None
    coverage: Ratio | None
    drop_p: Fraction | None
    drop_p_adjusted: Fraction | None
    """By Holm's correction for all drops that stand beside it."""
    drop_detectable: Number | None
    spread_p_adjusted: Fraction | None
    std_over_prompts: Number | None
    accuracy_quantiles: list[Number] | None
    worst_prompt_id: str | None
    null_spread: Number | None
    spread_p: Fraction | None
    combined_performance_score: Number | None
    clean_accuracy_matched: Fraction | None
    """What the variants' instructions reach unperturbed, on the same examples: the accuracy that
    `drop` is counted from."""
    accuracy_matched: Fraction | None
    """`clean_accuracy_matched` less `drop`: the variants' accuracy on those same examples."""
    pdr_chance_adjusted: Number | None
    flips_right_wrong: Count | None
    flips_wrong_right: Count | None
    answer_consistency: Number | None
    prompts: Count
    examples: Count
    cells: Count
    pdr_flag: str | None
    intervals_over: str | None
    """What the intervals generalise over, such as "examples and instructions"."""
    variant_estimates: VariantEstimates
    """How single variants' accuracies are known, and with them extremes and quantiles."""
    tolerance: Tolerance | None
    """None over several tasks, and where too few variants were asked."""
    variance: VarianceShares | None
    narrowing: Narrowing | None
    """None over several tasks, which may lack different things."""


@dataclass(frozen=True, slots=True)
class SamplingStats:
    """What the draws of a level say: of sampling itself, and of phrasing apart from it."""

    repeats: Count
    """Draws per cell."""
    cells: Count
    pass_at_1: Share | None
    """The share of draws that are right: the level's accuracy."""
    pass_any: Share | None
    """The share of cells with a right draw among all repeats (pass@repeats)."""
    pass_all: Share | None
    """The share of cells whose draws are all right."""
    sampling_variance: Ratio | None
    """Of the score of one draw, the prompt staying as it is; None with one draw per cell."""
    phrasing_variance: Ratio | None
    """Between variants on the same example, without what sampling adds; at least 0."""
    phrasing_share: Fraction | None
    """`phrasing_variance` as a share of both."""
    agreement_of_draws: Share | None
    """How often two draws from one prompt give the same answer: what no variant can exceed by
    being robust."""
    agreement_of_variants: Share | None
    """How often draws from two variants give the same answer to an example."""


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """One task: what guessing scores, and its groups."""

    chance: Fraction
    largest_gold_share: Fraction | None
    """What one constant answer scores: the share of the most frequent right answer."""
    labels: list[str]
    above_chance: bool | None
    """Whether clean accuracy's interval lies above both; None without such an interval."""
    levels: dict[str, Stats]
    perturbations: dict[str, Stats]
    metric: str = "accuracy"
    """What the mean score is called; in the file where it is another than accuracy."""
    metrics: dict[str, dict[str, Number]] = field(default_factory=dict)
    """Level -> metric -> value, for those that are asked for beside accuracy."""
    sampling: dict[str, Sampling] = field(default_factory=dict)
    """Level -> what its draws say; in the file where answers were sampled."""
    reliability: dict[str, ReliabilityStats] = field(default_factory=dict)
    """Level -> how reliable probabilities are, where answers come from them."""
    moves: dict[str, list[list[Count]]] = field(default_factory=dict)
    """Level, or `perturbed` for all of them -> cells by clean answer (rows) and perturbed answer
    (columns), in the order of the labels, unparsed last."""
    similarity: dict[str, SimilarityStats] = field(default_factory=dict)
    """Level -> how alike free-text answers are, where an encoder was named."""


def common_metric(names: Iterable[str]) -> str:
    """What mean scores are called together: by their name if they share it, else `score`."""
    distinct = set(names) or {"accuracy"}
    return distinct.pop() if len(distinct) == 1 else "score"


@dataclass(frozen=True, slots=True)
class Perturbed:
    """All perturbed cells of a run against the clean cells that they are matched with."""

    flip_rate: Share | None
    cells: Count
    """Perturbed cells whose clean cell was evaluated too."""
    flips_right_wrong: Count
    flips_wrong_right: Count
    flips_wrong_wrong: Count


@dataclass(frozen=True, slots=True)
class ScorerSummary:
    """A run as one scorer reads its answers."""

    levels: dict[str, Stats]
    tasks: dict[str, TaskSummary]
    perturbations: dict[str, Stats]
    perturbed: PerturbedStats | None


@dataclass(frozen=True, slots=True)
class VariantStats:
    """One variant's accuracy."""

    accuracy: Fraction
    examples: Count
    """How many it was asked on."""
    estimate: VariantEstimates
    """`shrunken`: it was asked on a part, and this is the best guess of the whole."""


@dataclass(frozen=True, slots=True)
class WorstVariant:
    """One of the variants with the largest drops, beside the clean instruction it came from."""

    variant_id: str
    task: str
    level: str
    perturbation: str
    instruction_id: str
    accuracy: Fraction
    clean_accuracy: Fraction
    drop: Difference
    drop_p: Fraction
    """That it loses nothing: the exact sign test over its examples."""
    drop_p_adjusted: Fraction
    """The same by Holm over all variants of the run, of which it was picked."""
    examples: Count


@dataclass(frozen=True, slots=True)
class PerturbationValidity:
    """What one perturbation made over all tasks, and how far from the original it is."""

    level: str | None
    """None where it made no variant at all."""
    variants: Count
    no_ops: Count
    duplicates: Count
    dissimilar: Count
    """Rejected: below the wanted similarity on every try."""
    broken: Count
    """Variants in which protected text changed."""
    words_changed: Number | None
    """Median over variants of the share of words changed."""
    char_distance: Number | None
    """Median over variants of the edit distance in characters."""
    similarity: Number | None
    """Median over variants of the cosine to the original, where it was measured."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run that asked a part of its grid finds, and what all of it would."""

    cells: Count
    full_cells: Count
    """Cells of the grid with all instructions and examples."""
    drop_detectable: Number | None
    """The largest of the levels' `drop_detectable`."""
    drop_detectable_full: Number | None
    """The same as it is predicted for the full grid; never more than now."""
    drop_half_width: Number | None
    """Half of the widest of the levels' drop intervals; None where a level has none."""
    drop_half_width_full: Number | None
    """The same as it is predicted for the full grid; never more than now."""


@dataclass(frozen=True, slots=True)
class StrengthCurves:
    """The numbers of graded noise at each of several strengths, the weakest first.

    What is not graded is in none of them. All drops of levels are one family of tests, and so are
    those of perturbations.
    """

    levels: dict[str, dict[StrengthName, Stats]]
    """Level -> strength -> its graded perturbations at that strength."""
    perturbations: dict[str, dict[StrengthName, Stats]]


@dataclass(frozen=True, slots=True)
class Summary:
    """Every number of a run: what reports, gates and programs read.

    Example:
        >>> run = harness.load_run("runs/mine")
        >>> run.summary.levels["semantic"].drop.value
        0.042
    """

    schema_version: int
    run_id: str
    model: str
    scorer: str
    """The scorer whose numbers the main tables hold."""
    seed: int
    confidence: Annotated[float, Field(gt=0, lt=1)]
    """Of every interval."""
    chance: Fraction | None
    """Accuracy of guessing: the plain mean over tasks."""
    levels: dict[str, Stats]
    tasks: dict[str, TaskSummary]
    perturbations: dict[str, Stats]
    perturbed: PerturbedStats | None
    """None where nothing was perturbed."""
    validity: dict[str, PerturbationValidity]
    variants: dict[str, VariantStats]
    worst_variants: list[Worst]
    scorers: dict[str, ScorerSummary] = field(default_factory=dict)
    """Every scorer's numbers, the main one's first; empty where there is only one."""
    outlook: Outlook | None = None
    """None where all of the grid was asked."""
    semantic_sources: dict[SemanticSource, Count] = field(default_factory=dict)
    """How many variants of the semantic level each source made."""
    strengths: StrengthCurves | None = None
    """None where noise had one strength; a level's own numbers are over all that were asked."""
    sampling: dict[str, Sampling] = field(default_factory=dict)
    """Level -> what its draws say, the mean over tasks; empty where answers were not sampled."""
    reliability: dict[str, ReliabilityStats] = field(default_factory=dict)
    """Level -> how reliable probabilities are, the mean over the tasks that have them."""
    answer_encoder: str = ""
    """What embedded free-text answers for the tasks' `similarity`; empty where nothing did."""

    def to_json(self) -> Json:
        """The content of summary.json, in plain JSON types, null where a metric is undefined."""
        content: Json = _plain(self)
        for name in ("scorers", "strengths", "sampling", "reliability", "answer_encoder"):
            if not content[name]:
                del content[name]
        return content


def _plain(record: Any) -> Any:
    """Records as mappings, a quantity as two keys, everything else as it is."""
    if isinstance(record, dict):
        return {key: _plain(value) for key, value in record.items()}
    if isinstance(record, list):
        return [_plain(value) for value in record]
    if not is_dataclass(record):
        return record
    content: Json = {}
    kind: Any = type(record)
    names = quantities_of(kind)
    for name in (one.name for one in fields(record)):
        value = getattr(record, name)
        if isinstance(record, TaskSummary) and name in _UNSAID and value == _UNSAID[name]:
            continue
        if name in names:
            content[name] = None if value is None else value.value
            interval = None if value is None else value.interval
            content[f"{name}_ci"] = None if interval is None else list(interval)
        else:
            content[name] = _plain(value)
    return content


_UNSAID: Final[dict[str, object]] = {
    "metric": "accuracy",
    "metrics": {},
    "sampling": {},
    "reliability": {},
    "moves": {},
    "similarity": {},
}
"""Fields of a task that stand in the file only if they say something else."""

Stats: TypeAlias = Annotated[GroupStats, as_written(GroupStats)]
Sampling: TypeAlias = Annotated[SamplingStats, as_written(SamplingStats)]
PerturbedStats: TypeAlias = Annotated[Perturbed, as_written(Perturbed)]
Worst: TypeAlias = Annotated[WorstVariant, as_written(WorstVariant)]
