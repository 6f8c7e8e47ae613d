"""Sections of a report that a package of the user's own brings, by entry point.

A section is text and a table; how it looks, and that it is escaped, is the report's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from harness.core.errors import UsageError
from harness.core.registry import Registry
from reports.source import Run


@dataclass(frozen=True, slots=True)
class Section:
    """What a package has to say of one run.

    Example:
        >>> Section("Longest answers", columns=("answer", "characters"), rows=[("yes", 3)]).title
        'Longest answers'
    """

    title: str
    text: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    """Each as long as `columns`; numbers are written as they are."""


SectionFunction: TypeAlias = Callable[[Run], Section | None]
"""A run -> what is said of it; None for nothing."""

SECTIONS: Final[Registry[SectionFunction]] = Registry(
    "report section", group="harness.report_sections"
)
"""Sections by name: those of entry points of the group `harness.report_sections`."""


@dataclass(frozen=True, slots=True)
class OwnTable:
    """What a section says of one run, as texts."""

    run: str
    text: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class OwnSection:
    """A section of a report, with what it says of each run."""

    title: str
    tables: tuple[OwnTable, ...]


def build_sections(
    names: Sequence[str], runs: Sequence[Run], run_names: Sequence[str]
) -> tuple[OwnSection, ...]:
    """The sections of these names, without those that have nothing to say.

    Raises:
        UnknownNameError: no package brings a section of that name.
        UsageError: one cannot be loaded, failed, or returned something else.
    """
    found = []
    for name in dict.fromkeys(names):
        said = [(run_name, _ask(name, run)) for run, run_name in zip(runs, run_names, strict=True)]
        known = [(run_name, section) for run_name, section in said if section is not None]
        if known:
            tables = tuple(_table(run_name, section) for run_name, section in known)
            found.append(OwnSection(str(known[0][1].title), tables))
    return tuple(found)


def _ask(name: str, run: Run) -> Section | None:
    try:
        function = SECTIONS.get(name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"report section {name!r} cannot be loaded: {error}.") from error
    try:
        section = function(run)
    except Exception as error:
        raise UsageError(
            f"the report section {name!r} failed on {run.path}: {type(error).__name__}: {error}.",
            hint="Leave it out, or ask who wrote it.",
        ) from error
    _check(name, section)
    return section


def _check(name: str, section: object) -> None:
    if section is None:
        return
    if not isinstance(section, Section):
        raise UsageError(
            f"the report section {name!r} returned {type(section).__name__}.",
            hint="It must return a reports.sections.Section, or None.",
        )
    for number, row in enumerate(section.rows, 1):
        if len(row) != len(section.columns):
            raise UsageError(
                f"the report section {name!r}: row {number} has {len(row)} values for "
                f"{len(section.columns)} columns."
            )


def _table(run: str, section: Section) -> OwnTable:
    rows = tuple(tuple(map(str, row)) for row in section.rows)
    return OwnTable(run, str(section.text), tuple(map(str, section.columns)), rows)
