"""The report as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reports.comparison_markdown import compared_lines
from reports.formatting import (
    MISSING,
    count,
    counted,
    interval,
    listed,
    number,
    percent,
    points,
    title,
)
from reports.label_metrics import METRICS_LEDE, metric_name, metric_value
from reports.markdown_text import code_block, escape, mark_markdown, table
from reports.provenance import Provenance
from reports.reading import GroupView, Reading
from reports.said import LIMIT
from reports.sampling_markdown import sampling_lines
from reports.sections_markdown import section_lines
from reports.similarity import HEAD, similarity_cells
from reports.steps_markdown import step_lines
from reports.variants import Dot, WorstVariantView
from reports.view import ReportView, RunView
from reports.why_markdown import why_lines

WORST_SHOWN: Final = 5


def render_markdown(view: ReportView) -> str:
    """report.md: the headline, the tables, the worst variants, and what was run."""
    several = len(view.runs) > 1
    lines = [f"# Robustness of {escape(view.title)}", "", f"**{escape(view.headline)}**", ""]
    if view.detail:
        lines += [escape(view.detail), ""]
    for caveat in view.caveats:
        of = "" if len(caveat.runs) == len(view.runs) else _names(view, caveat.runs)
        lines.append(f"- {of}{escape(caveat.sentence)}")
    if view.compared is not None:
        lines += [*compared_lines(view.compared), ""]
    lines += ["", f"## {title(view.metric)} by level", "", *_levels(view), ""]
    if view.trainings:
        lines += step_lines(view)
    if view.strengths:
        lines += [f"## {title(view.metric)} against strength", "", *_strengths(view), ""]
    if view.sampled:
        lines += ["## Sampling and phrasing", "", *sampling_lines(view), ""]
    if view.embedded:
        lines += ["## How alike answers are", "", *_similarity(view), ""]
    if any(run.scorers for run in view.runs):
        lines += ["## What the scorer decides", "", *_scorers(view), ""]
    lines += ["## Drop by task and level (pp)", "", *_tasks(view), ""]
    if view.label_metrics:
        lines += ["## Metrics beside accuracy", "", *_label_metrics(view), ""]
    lines += ["## Drop by perturbation (pp)", "", *_perturbations(view), ""]
    if view.instructed:
        lines += ["## Which instruction to use", "", *_instructions(view), ""]
    lines += ["## Worst variants", "", *_worst(view), ""]
    lines += [*_flips(view), "", *_why(view), *_said(view)]
    if view.sections:
        lines += section_lines(view)
    lines += ["## What was run", ""]
    for run in view.runs:
        lines += _provenance(run, several)
    return "\n".join(lines).rstrip() + "\n"


def _similarity(view: ReportView) -> list[str]:
    several = len(view.runs) > 1
    rows = [
        [escape(row.task), *([escape(run.name)] * several), *similarity_cells(row)]
        for run in view.embedded
        for row in run.similarity
    ]
    head = ["Task", *(["Run"] * several), *HEAD]
    return [*table(head, rows, left=2 + several), "", escape(view.about_similarity)]


def _names(view: ReportView, indices: Sequence[int]) -> str:
    return f"{', '.join(escape(view.runs[index].name) for index in indices)}: "


def _levels(view: ReportView) -> list[str]:
    several = len(view.runs) > 1
    between = f"{100 * view.confidence:.0f}% interval"
    head = [
        "Level",
        *(["Run"] * several),
        "Reading",
        title(view.metric),
        between,
        "Drop (pp)",
        between,
    ]
    rows = [
        [escape(level), *([escape(run.name)] * several), *_level_cells(run.tables.levels[level])]
        for level in view.levels
        for run in view.runs
        if level in run.tables.levels
    ]
    return table(
        [*head, f"Worst-variant {view.metric}", "Variants", "Cells"], rows, left=2 + several
    )


def _level_cells(group: GroupView) -> Iterator[str]:
    yield _reading(group)
    for estimate, write in ((group.stats.accuracy, percent), (group.stats.drop, points)):
        yield write(estimate)
        yield interval(estimate)
    yield percent(group.stats.worst_prompt_accuracy)
    yield count(group.stats.prompts)
    yield count(group.stats.cells)


def _reading(group: GroupView) -> str:
    text = group.reading.value
    return f"**{text}**" if group.reading.is_significant else text


def _strengths(view: ReportView) -> list[str]:
    several = len(view.runs) > 1
    between = f"{100 * view.confidence:.0f}% interval"
    head = ["Level", *(["Run"] * several), "Strength", "Reading"]
    rows = [
        [
            escape(curve.name),
            *([escape(run.name)] * several),
            strength,
            _reading(group),
            percent(group.stats.accuracy),
            interval(group.stats.accuracy),
            points(group.stats.drop),
            interval(group.stats.drop),
            count(group.stats.prompts),
        ]
        for run in view.runs
        for curve in run.curves.levels
        for strength, group in curve.points.items()
    ]
    numbers = ["Accuracy", between, "Drop (pp)", between, "Variants"]
    drops = [
        [
            escape(curve.name),
            *([escape(run.name)] * several),
            *(_drop_cell(curve.points.get(strength)) for strength in view.strengths),
        ]
        for run in view.runs
        for curve in run.curves.perturbations
    ]
    return [
        *table([*head, *numbers], rows, left=3 + several),
        "",
        "Graded noise only; adjusted for all levels and strengths (Holm). A level's own accuracy "
        "is the mean over its strengths and what knows none. Drop by perturbation (pp):",
        "",
        *table(["Perturbation", *(["Run"] * several), *view.strengths], drops, left=1 + several),
    ]


def _scorers(view: ReportView) -> list[str]:
    several = len(view.runs) > 1
    rows = [
        [
            escape(row.name),
            *([escape(run.name)] * several),
            escape(row.meaning),
            percent(row.clean_accuracy),
            interval(row.clean_accuracy),
            row.judged,
            escape(row.largest),
            escape(listed(row.significant)) or MISSING,
            percent(row.unparsed),
            count(row.cells),
        ]
        for run in view.runs
        for row in run.scorers
    ]
    head = ["Scorer", *(["Run"] * several), "Answer", "Clean accuracy", "Interval", "Above chance"]
    head += ["Largest drop (pp)", "Significant drops", "Unparsed", "Cells"]
    return [
        *table(head, rows, left=2 + several),
        "",
        "The headline and all other tables speak of the first scorer. Fewer cells: it was asked on "
        "fewer examples.",
    ]


def _tasks(view: ReportView) -> list[str]:
    several = len(view.runs) > 1
    rows = [
        [
            f"{escape(name)}{'' if task.above_chance else ' (not above chance)'}",
            *([escape(run.name)] * several),
            percent(task.clean.stats.accuracy if task.clean else None),
            *(_drop_cell(task.levels.get(level)) for level in view.perturbed_levels),
        ]
        for name in view.tasks
        for run in view.runs
        if (task := run.task(name))
    ]
    head = [
        "Task",
        *(["Run"] * several),
        f"Clean {view.metric}",
        *map(escape, view.perturbed_levels),
    ]
    return [
        *table(head, rows, left=1 + several),
        "",
        "Bold: significant, adjusted for all tasks and levels (Holm). In brackets: not judged, "
        f"clean {view.metric} is not significantly above chance.",
    ]


def _label_metrics(view: ReportView) -> list[str]:
    several = len(view.runs) > 1
    rows = [
        [
            escape(row.task),
            escape(row.level),
            *([escape(run.name)] * several),
            *(metric_value(row.values.get(name)) for name in view.label_metrics),
        ]
        for run in view.runs
        for row in run.label_metrics
    ]
    head = [
        "Task",
        "Level",
        *(["Run"] * several),
        *(escape(metric_name(one)) for one in view.label_metrics),
    ]
    return [*table(head, rows, left=2 + several), "", METRICS_LEDE]


def _drop_cell(group: GroupView | None) -> str:
    if group is None or group.stats.drop is None:
        return MISSING
    text = points(group.stats.drop)
    if group.reading is Reading.NOT_JUDGED:
        return f"({text})"
    return f"**{text}**" if group.reading.is_significant else text


def _perturbations(view: ReportView) -> list[str]:
    several = len(view.runs) > 1
    rows = [
        [
            escape(name),
            escape(row.level),
            *([escape(run.name)] * several),
            _reading(row.group),
            points(row.group.stats.drop),
            interval(row.group.stats.drop),
            percent(row.group.stats.flip_rate),
        ]
        for name in view.perturbations
        for run in view.runs
        if (row := run.perturbation(name))
    ]
    head = ["Perturbation", "Level", *(["Run"] * several), "Reading", "Drop (pp)", "Interval"]
    return table([*head, "Flip rate"], rows, left=3 + several)


def _instructions(view: ReportView) -> list[str]:
    several = len(view.runs) > 1
    rows = [
        [
            escape(name),
            *([escape(run.name)] * several),
            *map(_instruction, (found.worst, found.best)),
            f"**{found.reading}**" if found.differ else found.reading,
            points(found.group.stats.spread),
            points(found.group.stats.null_spread),
        ]
        for name in view.tasks
        for run in view.runs
        if (found := run.instructions(name))
    ]
    head = ["Task", *(["Run"] * several), "Worst", "Best", "Reading", "Spread (pp)"]
    return table([*head, "Expected under H0 (pp)"], rows, left=4 + several)


def _instruction(dot: Dot) -> str:
    where, text = escape(dot.instruction_id), escape(dot.text)
    return f"{percent(dot.accuracy)} {where}: {text}"


def _worst(view: ReportView) -> list[str]:
    lines = [
        "The extremes of many, picked after the fact. Bold: significant by the sign test, adjusted "
        "for all variants (Holm). Of the others expect less, or nothing, when measured again."
    ]
    for run in view.runs:
        if len(view.runs) > 1:
            lines += ["", f"### {escape(run.name)}"]
        lines.append("")
        for rank, worst in enumerate(run.worst[:WORST_SHOWN], start=1):
            lines += _worst_variant(rank, worst)
        if not run.worst:
            lines.append("No variant is below its clean instruction.")
    return lines


def _worst_variant(rank: int, worst: WorstVariantView) -> list[str]:
    stats, drop = worst.stats, f"{points(worst.stats.drop)} points"
    shown = f"**{drop}**" if worst.reading.is_significant else drop
    return [
        f"{rank}. {shown} {interval(stats.drop)}, {worst.reading.value}: "
        f"{escape(stats.task)}, {escape(stats.perturbation)} of {escape(stats.instruction_id)}, "
        f"{percent(stats.clean_accuracy)} → {percent(stats.accuracy)} "
        f"on {counted(stats.examples, 'example')}<br>",
        f"   {mark_markdown(worst.marks)}",
    ]


def _flips(view: ReportView) -> list[str]:
    lines = ["## Flips", ""]
    head = ["From", "To", "Right → wrong", "Wrong → right", "Other", "Cells compared"]
    rows = [
        [
            escape(flips.before),
            escape(flips.after),
            *(count(flips.counts[kind]) for kind in flips.counts),
            count(flips.compared),
        ]
        for flips in view.flips
    ]
    return lines + table(head, rows, left=2)


def _why(view: ReportView) -> Iterator[str]:
    """What answers hang on, of each run that was explained."""
    for run in view.runs:
        if run.why is not None:
            of = f" ({escape(run.name)})" if len(view.runs) > 1 else ""
            yield from (f"## Why{of}", "", *why_lines(run.why))


def _said(view: ReportView) -> Iterator[str]:
    """What the model said in free text, clean beside the worst variant."""
    head = ["Example", "Reference", "Clean", "Score", "Worst variant", "Score"]
    for run in view.runs:
        for task in run.said:
            of = f" ({escape(run.name)})" if len(view.runs) > 1 else ""
            yield from (f"## What the model said: {escape(task.task)}{of}", "")
            yield from (f"Worst variant: {mark_markdown(task.marks)}", "")
            rows = [
                [
                    escape(row.example_id),
                    escape(row.reference, limit=LIMIT),
                    escape(row.before, limit=LIMIT),
                    number(row.score_before),
                    escape(row.after, limit=LIMIT),
                    number(row.score_after),
                ]
                for row in task.rows
            ]
            yield from (*table(head, rows, left=3), "")


def _provenance(run: RunView, several: bool) -> list[str]:
    facts: Provenance = run.provenance
    lines = [f"### {escape(run.name)}", ""] if several else []
    if facts.command:
        lines += [*code_block(facts.command), ""]
    return [
        *lines,
        *table(["", ""], [[escape(name), escape(value)] for name, value in facts.facts], left=2),
        "",
    ]
