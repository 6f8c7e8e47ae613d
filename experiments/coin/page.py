"""The figures as report.html and pictures; with --readme as tables in README.md, too.

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
from measure import LEVELS, PERTURBED
from steps import AGAINST

from harness.results.quantity import Quantity
from reports.charts import IntervalRow, Spec, accuracy_intervals, difference_intervals, draw_svg
from reports.formatting import points
from reports.picture import write_colours

HERE = Path(__file__).parent
README = HERE / "README.md"
MET = {
    "worst_prompt_accuracy": "worst prompt",
    "consistency": "consistency",
    "spread": "spread of prompts",
    "null_spread": "by chance",
}
"""What users meet over the four levels: metric -> its name."""
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
    tables = {**result_tables(results), **other_tables(options.folder, results, similar)}
    drawn = {
        "differences.svg": differences(next(iter(results["evaluations"].values()))),
        "levels.svg": by_level(results),
    }
    if spec := by_instruction(results):
        drawn["instructions.svg"] = spec
    drawn["similarity.svg"] = similarities(similar)
    for name, spec in drawn.items():
        drawing = write_colours(draw_svg({**spec, "width": 560}))
        (out / name).write_text(f"{drawing}\n", encoding="utf-8")
    meaning = ""
    if options.readme:
        write_readme(README, tables, drawn)
        meaning = read_meaning(README)
    write_html(out / "report.html", tables, drawn, meaning)


def result_tables(results: Json) -> dict[str, Table]:
    """The tables of each evaluation, the first one's in full."""
    tables: dict[str, Table] = {}
    for place, (test, one) in enumerate(results["evaluations"].items()):
        tables[f"{_said(test, one)}: accuracy by level, mean over seeds"] = level_table(one)
        if one["against"]:
            tables[f"{test}: four levels together, with intervals, and by seed"] = paired(one)
        if not place:
            tables["By task: clean → four levels"] = task_table(one)
    return tables


def other_tables(folder: Path, results: Json, similar: Json) -> dict[str, Table]:
    """States, cost, and the search, where there was one."""
    tables = {
        "Cosine of states at the prompt's end, first seed": similarity_table(similar),
        "Cost of an arm's training": cost_table(results),
    }
    if (folder / "search.json").exists():
        found = json.loads((folder / "search.json").read_text(encoding="utf-8"))
        tables["Search: candidates on validation rows and wordings, one seed"] = search_table(found)
    return tables


def level_table(one: Json) -> Table:
    """Arms x levels, and what users meet; in brackets less the arm that each is held against."""
    levels = [level for level in (*LEVELS, PERTURBED) if _any(one, level)]
    rows = [
        [
            f"{arm} ({one['seeds'][arm]})",
            *(_level(one, arm, level) for level in levels),
            *(_percent(found[PERTURBED][metric]) for metric in MET),
        ]
        for arm, found in one["levels"].items()
    ]
    return ("arm (seeds)", *levels, *MET.values()), rows


def paired(one: Json) -> Table:
    """Each arm's difference over the four levels, and on clean instructions."""
    rows = []
    for arm, by_level in one["against"].items():
        cells = [
            text
            for level, metric in ((PERTURBED, "accuracy"), (PERTURBED, "consistency"))
            for text in _with_interval(by_level[level][metric])
        ]
        clean, _ = _with_interval(by_level["clean"]["accuracy"])
        rows.append([f"{arm} − {by_level['arm']}", *cells, clean])
    return ("arms", "accuracy", "by seed", "consistency", "by seed", "accuracy, clean"), rows


def task_table(one: Json) -> Table:
    """Clean and perturbed accuracy of each task."""
    rows = [
        [
            arm,
            *(
                " → ".join(_percent(levels[level]["accuracy"]) for level in ("clean", PERTURBED))
                for levels in tasks.values()
            ),
        ]
        for arm, tasks in one["by_task"].items()
    ]
    return ("arm", *one["tasks"]), rows


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
    rows = [[arm, *map(_percent, one.values())] for arm, one in found.items()]
    return ("candidate", *next(iter(found.values()))), rows


def differences(one: Json) -> Spec:
    """Each arm against the plain one, over the four levels."""
    found = {arm: levels[PERTURBED]["accuracy"] for arm, levels in one["against"].items()}
    rows = [_difference_row(arm, 0, value, arm) for arm, value in found.items() if value]
    return difference_intervals(
        rows, runs=1, description=f"Accuracy over the four levels less {AGAINST}'s, in points"
    )


def by_level(results: Json) -> Spec:
    """The contrast and the best combination against the plain arm, by level."""
    one = next(iter(results["evaluations"].values()))
    arms = [arm for arm in one["against"] if arm in ("coin", results["best"])]
    rows = [
        _difference_row(level, run, found, arm)
        for level in LEVELS
        for run, arm in enumerate(arms)
        if (found := one["against"][arm][level]["accuracy"])
    ]
    return difference_intervals(
        rows,
        runs=len(arms),
        description=f"Accuracy by level less {AGAINST}'s, in points",
        keys=arms,
    )


def _difference_row(name: str, run: int, found: Json, arm: str) -> IntervalRow:
    ends = found["interval"]
    estimate = Quantity(found["value"], tuple(ends) if ends else None)
    significant = bool(ends) and (ends[0] > 0 or ends[1] < 0)
    tip = f"{arm}, {name}: {points(found['value'])} points"
    return IntervalRow(name, run, estimate, tip, significant=significant)


def by_instruction(results: Json) -> Spec | None:
    """Accuracy under each instruction of the plain arm and of the best one, worst first."""
    largest = max(results["evaluations"].values(), key=_compared_cells)
    found = largest["by_instruction"]
    rows = [
        IntervalRow(name, run, Quantity(value, None), f"{name}, {arm}: {100 * value:.1f} %")
        for name, arms in sorted(found.items(), key=lambda item: item[1][AGAINST])
        for run, (arm, value) in enumerate(arms.items())
    ]
    if not rows:
        return None
    return accuracy_intervals(
        rows,
        runs=2,
        chance=None,
        description="Accuracy over the four levels by instruction, in percent",
        keys=(AGAINST, results["best"]),
    )


def similarities(similar: Json) -> Spec:
    """Cosines of equivalent and of different requests, an arm a row."""
    rows = []
    for arm, one in _by_arm(similar).items():
        for run, kind in enumerate(("equivalent", "different")):
            value = Quantity(one[kind], None)
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
    pictures = [f"![{spec['description']}]({name})" for name, spec in drawn.items()]
    parts = [f"**{title}**\n\n{_markdown(table)}" for title, table in tables.items()]
    block = "\n\n".join([*pictures[:1], *parts[:2], *pictures[1:], *parts[2:]])
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


def _compared_cells(one: Json) -> int:
    """How much an evaluation says of the best combination by instruction."""
    return one["cells"] if one["by_instruction"] else 0


def _said(test: str, one: Json) -> str:
    """The evaluation with its size."""
    sizes = {
        f"{one['instructions'][task]} instructions x {one['examples'][task]} examples"
        for task in one["tasks"]
    }
    return f"{test} ({', '.join(one['tasks'])}; {' or '.join(sorted(sizes))} a task)"


def _any(one: Json, level: str) -> bool:
    return any(levels[level]["accuracy"] is not None for levels in one["levels"].values())


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _level(one: Json, arm: str, level: str) -> str:
    value = _percent(one["levels"][arm][level]["accuracy"])
    found = one["against"].get(arm, {}).get(level, {}).get("accuracy")
    return f"{value} ({points(found['value'])})" if found else value


def _with_interval(found: Json | None) -> tuple[str, str]:
    if found is None:
        return "–", "–"
    ends = found["interval"]
    said = f" ({points(ends[0])} to {points(ends[1])})" if ends else ""
    return f"{points(found['value'])}{said}", ", ".join(points(seed) for seed in found["seeds"])


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
