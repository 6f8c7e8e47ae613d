"""What `harness pairs` was asked for: the options of every source, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from harness.core.errors import UsageError
from harness.core.names import split_names
from harness.core.plain_numbers import PlainNumbers
from harness.core.records import StrengthName
from harness.evaluation.config import Count, Levels, Names, Texts
from trainers.choices import PairSource

if TYPE_CHECKING:
    from harness.core.records import LeftOut
    from perturbations import Perturbation, Selection
    from trainers.pairs.build import PairsOptions
    from trainers.pairs.paraphrases import ParaphraseOptions
    from trainers.pairs.templates import TemplateOptions


class PairsConfig(PlainNumbers):
    """What `harness pairs` was asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    source: PairSource
    """Kind of data that pairs are made from."""
    input: Path
    """File that pairs are made from."""
    exclude: tuple[Path, ...] = ()
    """File with evaluation rows that no pair may hold. Repeatable."""
    data_dir: Path | None = None
    """Data folder with public rows and word tables. Default: HARNESS_DATA_DIR."""

    task: str | None = None
    """Data set of the templates, such as glue/sst2."""
    rows: Path | None = None
    """Rows to fill the templates with."""
    labels: Annotated[tuple[str, ...], BeforeValidator(split_names)] = ()
    """Verbalizers in label order, for FLAN templates."""
    field: Texts = ()
    """TEMPLATE_NAME=ROW_NAME of a field. Repeatable."""

    bank: Path | None = None
    """Paraphrase bank, as harness paraphrase writes it."""
    levels: Levels | None = None
    """Levels to perturb at, such as character,semantic; each is its core set."""
    perturbations: Names = ()
    """Only these perturbations, by name; all is the whole catalogue."""
    hold_out: Names = ()
    """Level or perturbation to leave out. Repeatable."""
    strength: StrengthName = "medium"
    """How many words noise changes, and how much."""
    per_row: Count = 1
    """Pairs per row."""

    limit: Count | None = None
    """Maximum pairs to write."""
    max_ratio: Annotated[float, Field(ge=1)] = 2.0
    """Maximum ratio of the words of a pair's two instructions."""
    max_words: Count = 400
    """Maximum words of a pair's text."""
    balance: bool = True
    """Make targets equally frequent."""
    seed: int = 0
    """Random seed."""
    out: Path
    """Pairs file to write (.jsonl)."""


def pairs_options(config: PairsConfig) -> tuple[PairsOptions, tuple[LeftOut, ...]]:
    """Bring options to the form in which pairs are built.

    Returns:
        The options, and the perturbations that a level lacks here.

    Raises:
        UsageError: an option that the source needs is missing, or one cannot be used.
    """
    from trainers.pairs.build import PairsOptions

    selection = _select(config) if config.source == "paraphrases" else None
    options = PairsOptions(
        source=config.source,
        input=config.input,
        exclude=config.exclude,
        limit=config.limit,
        seed=config.seed,
        max_ratio=config.max_ratio,
        max_words=config.max_words,
        balance=config.balance,
        templates=_templates(config) if config.source == "templates" else None,
        paraphrases=_paraphrases(config, selection) if selection else None,
    )
    return options, selection.left_out if selection else ()


def _templates(config: PairsConfig) -> TemplateOptions:
    from trainers.pairs.templates import TemplateOptions

    if config.task is None or config.rows is None:
        raise UsageError("--source templates needs --task and --rows.")
    fields = dict(one.split("=", 1) for one in config.field if "=" in one)
    if len(fields) != len(config.field):
        raise UsageError("--field is TEMPLATE_NAME=ROW_NAME.")
    return TemplateOptions(task=config.task, rows=config.rows, labels=config.labels, fields=fields)


def _select(config: PairsConfig) -> Selection:
    """The perturbations, chosen as `run`, `perturb` and `attack` choose theirs."""
    from harness.evaluation.selection import choose_perturbations

    names = config.perturbations
    if not names and not config.levels:
        if config.bank is None:
            raise UsageError("--source paraphrases needs --bank, --levels or --perturbations.")
        names = ("paraphrase",)
    return choose_perturbations(
        levels=config.levels,
        names=names,
        stacks=(),
        data_dir=config.data_dir,
        strengths=(config.strength,),
    )


def _paraphrases(config: PairsConfig, selection: Selection) -> ParaphraseOptions:
    from harness.tasks.paraphrase_bank import read_bank
    from trainers.pairs.paraphrases import ParaphraseOptions

    return ParaphraseOptions(
        _hold_out(selection.perturbations, frozenset(config.hold_out)),
        read_bank(config.bank).by_text() if config.bank else {},
        config.per_row,
    )


def _hold_out(chosen: tuple[Perturbation, ...], held: frozenset[str]) -> tuple[Perturbation, ...]:
    unknown = held - {p.name for p in chosen} - {p.level for p in chosen}
    if unknown:
        raise UsageError(f"--hold-out {min(unknown)}: no such level or perturbation is chosen.")
    left = tuple(p for p in chosen if not held & {p.name, p.level})
    if not left:
        raise UsageError("--hold-out leaves no perturbation.")
    return left
