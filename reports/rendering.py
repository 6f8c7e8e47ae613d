"""Writes reports: of runs, of a comparison, of a gate's verdict."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.core.atomic import reason, write_text
from harness.core.errors import IncompleteRunError, UnknownNameError, UsageError
from reports.sections import build_sections
from reports.source import Run
from reports.view import ReportView, build_view

if TYPE_CHECKING:
    from harness.comparison import Comparison
    from harness.gate.verdict import Verdict


def render(
    runs: Sequence[Run], formats: Sequence[str], out: Path, sections: Sequence[str] = ()
) -> dict[str, Path]:
    """Write the report of `runs` in each of `formats` into the folder `out`.

    The first run is the one that flips are counted from. `sections` are names of those that
    packages of the user's own bring. Returns the path of each format's file.

    Raises:
        UsageError: no run, an unknown format or section, or a section that fails.
        IncompleteRunError: the folder cannot be written.
    """
    _check(formats, FORMATS)
    view = build_view(runs)
    if sections:
        names = [run.name for run in view.runs]
        view = replace(view, sections=build_sections(sections, runs, names))
    written = {}
    for name in dict.fromkeys(formats):
        file_name, _ = FORMATS[name]
        written[name] = _write_format(out / file_name, name, view)
    return written


def render_again(run: Run) -> tuple[Path, ...]:
    """Write the reports that stand in a run's directory once more: it holds something new.

    Raises:
        IncompleteRunError: the folder cannot be written.
    """
    there = [name for name, (file, _) in FORMATS.items() if (run.path / file).is_file()]
    return tuple(render([run], there, run.path).values()) if there else ()


def write_report(
    runs: Sequence[Run], form: str, path: Path, comparison: Comparison | None = None
) -> None:
    """Write the report of runs in one format to a file.

    Args:
        runs: the runs; the first is the one that the others are compared with.
        form: one of `FORMATS`.
        path: the file.
        comparison: what was found between them already.

    Raises:
        UsageError: no run, an unknown format, or the path is a folder.
        IncompleteRunError: the file cannot be written.
    """
    _check([form], FORMATS)
    _write_format(path, form, build_view(runs, comparison))


def write_verdict(verdict: Verdict, form: str, path: Path) -> None:
    """Write a gate's verdict in one format ("md", "comment", "badge", "junit") to a file.

    Raises:
        UnknownNameError: an unknown format.
        UsageError: the path is a folder.
        IncompleteRunError: the file cannot be written.
    """
    _check([form], VERDICT_FORMATS)
    _refuse_folder(path)
    write_page(path, VERDICT_FORMATS[form](verdict))


def _markdown(view: ReportView) -> str:
    from reports.markdown import render_markdown

    return render_markdown(view)


def _html(view: ReportView) -> str:
    from reports.html import render_html

    return render_html(view)


def _csv(view: ReportView) -> str:
    from reports.csvfile import render_csv

    return render_csv(view)


def _svg(view: ReportView) -> str:
    from reports.picture import render_svg

    return render_svg(view)


def _junit(view: ReportView) -> str:
    from reports.junit import render_levels

    return render_levels(view)


def _verdict_markdown(verdict: Verdict) -> str:
    from reports.github import render_verdict_markdown

    return render_verdict_markdown(verdict)


def _verdict_junit(verdict: Verdict) -> str:
    from reports.junit import render_verdict_junit

    return render_verdict_junit(verdict)


FORMATS: Final[dict[str, tuple[str, Callable[[ReportView], str]]]] = {
    "md": ("report.md", _markdown),
    "html": ("report.html", _html),
    "csv": ("report.csv", _csv),
    "svg": ("report.svg", _svg),
    "junit": ("report.junit.xml", _junit),
}
"""Format -> its file name and its writer."""


def _verdict_comment(verdict: Verdict) -> str:
    from reports.github import render_comment

    return render_comment(verdict)


def _verdict_badge(verdict: Verdict) -> str:
    from reports.github import render_badge

    return render_badge(verdict)


VERDICT_FORMATS: Final[dict[str, Callable[[Verdict], str]]] = {
    "badge": _verdict_badge,
    "comment": _verdict_comment,
    "junit": _verdict_junit,
    "md": _verdict_markdown,
}
"""Format -> its writer."""


def _check(formats: Sequence[str], known: Collection[str]) -> None:
    for name in formats:
        if name not in known:
            raise UnknownNameError("report format", name, known)


def _write_format(path: Path, form: str, view: ReportView) -> Path:
    """Write a report and what stands beside it, the latter first: a page finds what it names."""
    _refuse_folder(path)
    if form != "html":
        return write_page(path, FORMATS[form][1](view))
    from reports.html import cells_file, render_html_files

    files = render_html_files(view, path.name)
    for name in sorted(files, key=lambda one: one == path.name):
        write_page(path.with_name(name), files[name])
    beside = cells_file(path.name)
    if beside not in files:
        path.with_name(beside).unlink(missing_ok=True)
    return path


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise UsageError(
            f"{path} is a folder, and the name of a file was expected.",
            hint="Type the folder with the name of a file in it.",
        )


def write_page(path: Path, text: str) -> Path:
    """Write a file at once: a reader sees the old report or the new, never a part."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise IncompleteRunError(
            f"{path} cannot be written: {reason(error)}.",
            hint="Type: --out with a folder that can be written.",
        ) from None
    return path
