"""The figures as report.html and two pictures; with --readme as tables in README.md, too.

    python experiments/coin/page.py runs/experiment/cpu --readme

With --readme everything is written beside README.md, whose words then stand on the page.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from measure import AGAINST, LEVELS, PERTURBED

from reports.charts import IntervalRow, Spec, accuracy_intervals, difference_intervals, draw_svg
from reports.figures import Estimate, points
from reports.picture import write_colours

HERE = Path(__file__).parent
README = HERE / "README.md"
Json = Mapping[str, Any]
Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def main() -> None:
    """Write the page and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where results.json and similarity.json are")
    parser.add_argument("--readme", action="store_true", help="write to README.md's folder")
    options = parser.parse_args()
    out = HERE if options.readme else options.folder
    results = json.loads((options.folder / "results.json").read_text(encoding="utf-8"))
    similar = json.loads((options.folder / "similarity.json").read_text(encoding="utf-8"))
    tables = {
        f"Accuracy by level, mean over seeds; in brackets less `{AGAINST}`": level_table(results),
        "Four levels together: difference to `sft` with its interval, and by seed": paired(results),
        "What users meet": prompt_table(results),
        "By task: clean → four levels": task_table(results),
        "Cosine of states at the prompt's end, first seed": similarity_table(similar),
        "Cost of an arm's training": cost_table(results),
    }
    if (options.folder / "search.json").exists():
        found = json.loads((options.folder / "search.json").read_text(encoding="utf-8"))
        tables["Search: candidates on validation rows and wordings, one seed"] = search_table(found)
    drawn = {"differences.svg": differences(results), "similarity.svg": similarities(similar)}
    for name, spec in drawn.items():
        drawing = write_colours(draw_svg({**spec, "width": 560}))
        (out / name).write_text(f"{drawing}\n", encoding="utf-8")
    meaning = ""
    if options.readme:
        write_readme(README, tables, drawn)
        meaning = read_meaning(README)
    write_html(out / "report.html", tables, drawn, meaning)


def level_table(results: Json) -> Table:
    """Arms x levels."""
    levels = (*LEVELS, PERTURBED)
    rows = [
        [f"{arm} ({results['seeds'][arm]})", *(_level(results, arm, level) for level in levels)]
        for arm in results["levels"]
    ]
    return ("arm (seeds)", *levels), rows


def paired(results: Json) -> Table:
    """Each arm's difference over the four levels, and on clean instructions."""
    rows = []
    for arm, by_level in results["against"].items():
        cells = [
            text
            for level, metric in ((PERTURBED, "accuracy"), (PERTURBED, "consistency"))
            for text in _with_interval(by_level[level][metric])
        ]
        clean, _ = _with_interval(by_level["clean"]["accuracy"])
        rows.append([arm, *cells, clean])
    return ("arm", "accuracy", "by seed", "consistency", "by seed", "accuracy, clean"), rows


def prompt_table(results: Json) -> Table:
    """The worst prompt, consistency and spread over the perturbed prompts."""
    metrics = ("worst_prompt_accuracy", "consistency", "spread")
    rows = [
        [arm, *(f"{100 * levels[PERTURBED][metric]:.1f}" for metric in metrics)]
        for arm, levels in results["levels"].items()
    ]
    return ("arm", "worst prompt's accuracy", "consistency", "spread of prompts"), rows


def task_table(results: Json) -> Table:
    """Clean and perturbed accuracy of each task."""
    rows = [
        [arm, *(f"{100 * one['clean']:.1f} → {100 * one[PERTURBED]:.1f}" for one in tasks.values())]
        for arm, tasks in results["by_task"].items()
    ]
    return ("arm", *results["tasks"]), rows


def similarity_table(similar: Json) -> Table:
    """How alike equivalent and different requests are."""
    rows = [
        [
            arm,
            f"{one['equivalent']:.3f}",
            f"{one['different']:.3f}",
            f"{one['equivalent'] - one['different']:.3f}",
            f"{100 * one['told_apart']:.0f} %",
        ]
        for arm, one in _by_arm(similar).items()
    ]
    heads = ("equivalent requests", "other inputs", "gap", "nearest is the equivalent one")
    return ("arm", *heads), rows


def cost_table(results: Json) -> Table:
    """Steps, speed and memory."""
    rows = [
        [
            arm,
            f"{one['steps']:.0f}",
            f"{one['tokens_per_second']:.0f}",
            f"{one['peak_memory_mb']:,.0f}",
        ]
        for arm, one in results["cost"].items()
    ]
    return ("arm", "steps", "tokens/s", "peak memory, MB"), rows


def search_table(found: Json) -> Table:
    """Candidates, best first."""
    rows = [[arm, *(f"{100 * value:.1f}" for value in one.values())] for arm, one in found.items()]
    return ("candidate", *next(iter(found.values()))), rows


def differences(results: Json) -> Spec:
    """Each arm against the plain one, by level."""
    rows = []
    arms = list(results["against"])
    for level in (*LEVELS, PERTURBED):
        for run, arm in enumerate(arms):
            one = results["against"][arm][level]["accuracy"]
            estimate = Estimate(one["value"], *(one["interval"] or (None, None)))
            clear = bool(one["interval"]) and (one["interval"][0] > 0 or one["interval"][1] < 0)
            tip = f"{arm}, {level}: {points(one['value'])} points"
            rows.append(IntervalRow(level, run, estimate, tip, clear=clear))
    return difference_intervals(
        rows, runs=len(arms), description=f"Accuracy less {AGAINST}'s, in points", keys=arms
    )


def similarities(similar: Json) -> Spec:
    """Cosines of equivalent and of different requests, an arm a row."""
    rows = []
    for arm, one in _by_arm(similar).items():
        for run, kind in enumerate(("equivalent", "different")):
            value = Estimate(one[kind], None, None)
            rows.append(IntervalRow(arm, run, value, f"{arm}, {kind}: {one[kind]:.3f}"))
    return accuracy_intervals(
        rows,
        runs=2,
        chance=None,
        description="Cosine of states at the prompt's end, in percent",
        keys=("two wordings of one request", "one wording, two inputs"),
    )


def write_readme(path: Path, tables: Mapping[str, Table], drawn: Mapping[str, Spec]) -> None:
    """Put the tables and pictures between README's marks."""
    parts = [f"**{title}**\n\n{_markdown(table)}" for title, table in tables.items()]
    pictures = [f"![{spec['description']}]({name})" for name, spec in drawn.items()]
    block = "\n\n".join([*parts[:2], pictures[0], *parts[2:5], pictures[1], *parts[5:]])
    text = path.read_text(encoding="utf-8")
    marked = re.compile(r"(<!-- results -->\n).*(<!-- /results -->)", re.DOTALL)
    path.write_text(marked.sub(lambda m: f"{m[1]}\n{block}\n\n{m[2]}", text), encoding="utf-8")


def read_meaning(readme: Path) -> str:
    """What README says the figures mean."""
    section = re.search(
        r"## What it means\n(.*?)(?=\n## |\Z)", readme.read_text("utf-8"), re.DOTALL
    )
    return section[1] if section else ""


def write_html(
    path: Path, tables: Mapping[str, Table], drawn: Mapping[str, Spec], meaning: str
) -> None:
    """One page that opens offline."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    pictures = {
        spec["description"]: Markup(write_colours(draw_svg({**spec, "width": 620})))
        for spec in drawn.values()
    }
    page = environment.get_template("page.html.j2").render(
        style=Markup(files("reports").joinpath("templates", "report.css").read_text("utf-8")),
        paragraphs=_paragraphs(meaning),
        tables=tables,
        pictures=pictures,
    )
    path.write_text(page, encoding="utf-8")


def _level(results: Json, arm: str, level: str) -> str:
    value = f"{100 * results['levels'][arm][level]['accuracy']:.1f}"
    if arm not in results["against"]:
        return value
    return f"{value} ({points(results['against'][arm][level]['accuracy']['value'])})"


def _with_interval(one: Json) -> tuple[str, str]:
    ends = one["interval"]
    said = f" ({points(ends[0])} to {points(ends[1])})" if ends else ""
    return f"{points(one['value'])}{said}", ", ".join(points(seed) for seed in one["seeds"])


def _by_arm(similar: Json) -> dict[str, Json]:
    """Arms for the folders of their checkpoints; what has no folder is the untouched model."""
    return {
        re.sub(r"-\d+$", "", Path(model).name) if "/" in model else "untouched": one
        for model, one in similar.items()
    }


def _markdown(table: Table) -> str:
    heads, rows = table
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _paragraphs(text: str) -> Iterator[Markup]:
    """Markdown's paragraphs and list items as HTML, with bold and code."""
    for block in re.split(r"\n\s*\n|\n(?=- )", text.strip()):
        escaped = str(Markup.escape(" ".join(block.split())))
        escaped = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escaped)
        yield Markup(re.sub(r"`(.+?)`", r"<code>\1</code>", escaped))


if __name__ == "__main__":
    main()
