"""`harness compare`, `check` and `init-ci`: is a difference real, and may it pass?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from harness.cli import options
from harness.cli.command import add_command
from harness.gate.pipelines import Server

if TYPE_CHECKING:
    from harness.comparison import Comparison
    from harness.gate.verdict import Verdict
    from reports.comparison import MetricTable, PairView

Shared = Annotated[
    bool,
    typer.Option(
        "--shared",
        help="Compare only the cells whose content is equal; say what is left out.",
        show_default=False,
    ),
]
Scorer = Annotated[
    str | None,
    typer.Option(help="Scorer whose samples are used. Default: the first that all have."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(
        app,
        "compare",
        compare_command,
        "harness compare runs/base runs/tuned",
        "harness compare runs/base runs/tuned --metric accuracy,drop --html compare.html",
    )
    add_command(
        app,
        "check",
        check_command,
        "harness check --candidate runs/new --baseline runs/old --policy robustness-policy.yaml",
    )
    add_command(
        app,
        "init-ci",
        init_ci_command,
        "harness init-ci . --model checkpoints/candidate --task sentiment --limit 50",
        "harness init-ci . --ci gitlab --store s3://bucket/runs",
    )


def compare_command(
    runs: Annotated[list[Path], typer.Argument(help="Run directories, the baseline first.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Metrics to compare. Default: accuracy, drop, consistency."),
    ] = None,
    scorer: Scorer = None,
    confidence: Annotated[
        float, typer.Option(help="Confidence of intervals and adjusted tests.")
    ] = 0.95,
    seed: options.Seed = 0,
    shared: Shared = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Compare runs whose settings differ, and say so.", show_default=False
        ),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the report of the runs as a page.")
    ] = None,
    md: Annotated[
        Path | None, typer.Option(help="Write the report of the runs as Markdown.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare runs cell by cell: differences with intervals, exact tests, flips, and ranks.

    Runs are aligned on (example, instruction text). Runs that asked different questions, by their
    content, are refused, and the first differences are shown.
    """
    from harness.api.comparing import choose_unlike, compare_runs
    from harness.cli.terminal import err, print_json
    from harness.comparison import METRICS
    from harness.results.rundir import load_run
    from reports import write_report

    loaded = [load_run(path) for path in runs]
    comparison = compare_runs(
        loaded,
        metrics=options.split_names(metric) or METRICS,
        scorer=scorer,
        seed=seed,
        confidence=confidence,
        unlike=choose_unlike(shared=shared, force=force),
    )
    for path, form in ((html, "html"), (md, "md")):
        if path is not None:
            write_report(loaded, form, path, comparison)
            err().print(f"wrote {path}", markup=False)
    if as_json:
        print_json(comparison.to_dict())
    else:
        _show_comparison(comparison)


def check_command(
    candidate: Annotated[Path, typer.Option(help="The run to judge.")],
    policy: Annotated[Path, typer.Option(help="YAML file with the rules.")],
    baseline: Annotated[
        Path | None, typer.Option(help="The run it must not be worse than.")
    ] = None,
    scorer: Scorer = None,
    seed: options.Seed = 0,
    shared: Shared = False,
    first: Annotated[
        bool,
        typer.Option(
            "--first",
            help="There is no baseline yet: leave out the rules that compare with one.",
            show_default=False,
        ),
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    comment: Annotated[
        Path | None, typer.Option(help="Write Markdown for a pull request's comment.")
    ] = None,
    badge: Annotated[
        Path | None, typer.Option(help="Write JSON for a badge of shields.io.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Judge a run by a policy; exit 0 if it passes, 1 if it fails, 4 if strict data are too few.

    A rule fails only where the evidence says so; where it cannot say, the verdict is "not enough
    data" with the examples still needed. In GitHub Actions the job's summary gets the table.
    """
    from harness.cli.terminal import print_json
    from harness.gate.files import check_runs, write_github_summary
    from reports import write_verdict

    verdict = check_runs(
        candidate, policy, baseline=baseline, scorer=scorer, seed=seed, shared=shared, first=first
    )
    for form, path in (("junit", junit), ("comment", comment), ("badge", badge)):
        if path is not None:
            write_verdict(verdict, form, path)
    write_github_summary(verdict)
    if as_json:
        print_json(verdict.to_dict())
    else:
        _show_verdict(verdict)
    raise typer.Exit(int(verdict.exit_code))


def init_ci_command(
    folder: Annotated[Path, typer.Argument(help="The repository.")] = Path(),
    model: Annotated[
        str, typer.Option(help="The checkpoint that is evaluated: a path in it, or a hub id.")
    ] = "checkpoints/candidate",
    server: Annotated[Server, typer.Option("--ci", help="Whose pipeline is written.")] = "github",
    task: Annotated[
        list[str] | None,
        typer.Option(help="Task name or file. Repeatable. Default: the starter suite."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum examples per task.")] = None,
    cells: Annotated[int | None, typer.Option(min=1, help="Budget of cells of a run.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Where baselines are kept, as for harness baseline.")
    ] = None,
    install: Annotated[
        str | None, typer.Option(help="What pip installs. Default: this very version.")
    ] = None,
) -> None:
    """Write a CI pipeline, its script and a policy that gate a checkpoint; overwrites nothing."""
    from harness.gate.pipelines import Evaluated, find_install, write_pipeline

    tasks = tuple(options.split_names(task))
    wanted = install or find_install()
    written = write_pipeline(folder, server, Evaluated(model, wanted, tasks, limit, cells, store))
    for path in written:
        typer.echo(f"wrote {path}")
    typer.echo(f"it installs {wanted} (--install says otherwise)")


def _show_comparison(comparison: Comparison) -> None:

    from harness.cli.terminal import out
    from reports.comparison import build_comparison

    view = build_comparison(comparison)
    console = out()
    for note in view.notes:
        console.print(f"note: {note}", style="yellow", markup=False)
    console.print(view.headline, style="bold", markup=False)
    for pair in view.pairs:
        console.print(pair.headline, markup=False)
        for metric in pair.metrics:
            _show_metric(pair, metric)
        _show_flips(pair)
    cells = f"{view.cells:,} cells in all runs; left out: "
    console.print(cells + ", ".join(f"{n:,}" for n in view.unmatched), style="dim")


def _show_metric(pair: PairView, metric: MetricTable) -> None:
    from harness.cli.terminal import print_table
    from reports.comparison import points_signed
    from reports.formatting import detectable, interval, p_value, percent

    print_table(
        f"{metric.name}: {pair.second} minus {pair.first}, in points",
        ("level", pair.first, pair.second, "difference", "interval", "p, Holm", "detectable", ""),
        [
            (
                row.level,
                percent(row.first),
                percent(row.second),
                points_signed(row.difference),
                interval(row.difference),
                p_value(row.p_adjusted),
                detectable(row.detectable),
                row.outcome,
            )
            for row in metric.over_tasks
        ],
    )


def _show_flips(pair: PairView) -> None:
    from harness.cli.terminal import print_table
    from reports.formatting import p_value

    print_table(
        "Answers that changed",
        ("level", "cells", "changed", "right to wrong", "wrong to right", "adjusted p, sign test"),
        [
            (
                one.level,
                f"{one.cells:,}",
                f"{one.answers_changed:,}",
                f"{one.right_to_wrong:,}",
                f"{one.wrong_to_right:,}",
                p_value(one.p_adjusted),
            )
            for one in pair.changes
        ],
    )


def _show_verdict(verdict: Verdict) -> None:

    from harness.cli.terminal import err, out, print_table
    from harness.gate.verdict import Status

    rows = [
        (check.status, check.name, check.bound, f"{check.limit:g}", check.message)
        for check in verdict.checks
    ]
    print_table("", ("verdict", "check", "bound", "limit", "why"), rows)
    for note in verdict.notes:
        err().print(f"note: {note}", style="yellow", markup=False)
    styles = {"passed": "bold green", "failed": "bold red", "undecided": "bold yellow"}
    counts = ", ".join(
        f"{verdict.count(status)} {status}" for status in get_args(Status) if verdict.count(status)
    )
    against = f" against {verdict.baseline}" if verdict.baseline else ""
    title = f"gate {verdict.outcome}: {verdict.candidate}{against}"
    out().print(f"{title}: {counts}", style=styles[verdict.outcome], markup=False)
