"""What a reader must know before believing a run's headline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.core.records import SemanticSource
from harness.results.summary import Summary
from reports.formatting import below_detectable, counted, listed, percent
from reports.left_out import level_notes
from reports.scorers import build_scorer_rows, scorer_sentence
from reports.source import Run, text_at, texts_at
from reports.tables import Tables

_UNPARSED_WORTH_SAYING: Final = 0.02
_ONE_LABEL_WORTH_SAYING: Final = 0.9
_SOURCES: Final[Mapping[SemanticSource, str]] = {
    "rules": "made by rules, which keep most words and change the construction",
    "bank": "from a paraphrase bank",
    "model": "paraphrased by a language model",
}


def caveats(run: Run, tables: Tables) -> tuple[str, ...]:
    """Each caveat that holds of the run, a sentence or two."""
    sentences = (
        _unfinished(run),
        scorer_sentence(build_scorer_rows(run.summary)),
        _below_chance(tables),
        one_label(tables),
        _unparsed(tables),
        _detectable(tables),
        *level_notes(run.left_out, run.summary.validity),
        _semantic_sources(run.summary),
        *texts_at(run.manifest, "notes"),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _unfinished(run: Run) -> str:
    status = text_at(run.manifest, "status", "complete")
    if status == "complete":
        return ""
    return f"The run is {status}: these are the cells that were done, not all that were planned."


def _below_chance(tables: Tables) -> str:
    weak = [task.name for task in tables.tasks if not task.above_chance]
    if not weak or not tables.judged:
        return ""
    their, say = ("its drop", "says") if len(weak) == 1 else ("their drops", "say")
    return (
        f"On {listed(weak)} clean {tables.metric} is not significantly above chance: there is "
        "nothing to "
        f"lose there, so {their} {say} nothing about robustness and only "
        f"dilute{'s' * (len(weak) == 1)} the averages over tasks."
    )


def one_label(tables: Tables) -> str:
    """Where a model gives one answer to everything, or nearly, and how often; empty elsewhere.

    It is said of tasks that are not above chance, whatever the share, and of others from 90 % on.
    """
    shares = [
        f"{percent(share)} of the clean answers on {task.name} "
        f"(of the gold {_what(tables)}s {percent(task.largest_gold_share)})"
        for task in tables.tasks
        if task.clean
        and (share := task.clean.stats.largest_answer_share)
        and (share.value >= _ONE_LABEL_WORTH_SAYING or not task.above_chance)
    ]
    return f"The most frequent {_what(tables)} makes up {listed(shares)}." if shares else ""


def _what(tables: Tables) -> str:
    """What a task's answers are called: labels, unless some are free text."""
    return "label" if all(task.labels for task in tables.tasks) else "answer"


def _unparsed(tables: Tables) -> str:
    stats = [group.stats for group in tables.levels.values()]
    worst = max((one.unparsed_rate.value for one in stats if one.unparsed_rate), default=0.0)
    if worst < _UNPARSED_WORTH_SAYING:
        return ""
    return (
        f"Up to {percent(worst)} of a level's answers are unparsed and count as wrong: "
        "part of the drop may be the format of the answer, not the answer."
    )


def _semantic_sources(summary: Summary) -> str:
    made = [
        f"{counted(count, 'variant')} {_SOURCES[source]}"
        for source, count in summary.semantic_sources.items()
    ]
    if not made:
        return ""
    only = list(summary.semantic_sources) == ["rules"]
    advice = " A paraphrase bank (--paraphrases) changes more of the words." if only else ""
    return f"The semantic level is {listed(made)}.{advice}"


def _detectable(tables: Tables) -> str:
    stats = [group.stats for group in tables.levels.values()]
    detectable = [one.drop_detectable for one in stats if one.drop_detectable]
    if not detectable or not tables.judged:
        return ""
    examples = counted(max(one.examples for one in stats), "example")
    return f"With {examples} {below_detectable('drop', max(detectable))} may be missed."
