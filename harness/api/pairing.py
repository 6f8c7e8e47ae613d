"""Make a training file of pairs: the call behind `harness.make_pairs` and `harness pairs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api.words import in_python
from harness.core.atomic import write_text
from harness.core.options import check_options
from harness.core.records import LeftOut, StrengthName
from trainers.choices import PairSource
from trainers.pairs.config import PairsConfig, pairs_options

if TYPE_CHECKING:
    import pandas as pd

    from trainers.pairs import Pair
    from trainers.pairs.build import PairSet


@dataclass(frozen=True, slots=True)
class PairsFile:
    """A pairs file that was written, what is in it, and what was dropped on the way."""

    path: Path
    page: Path
    """A page of samples and of what was dropped, to look at before training."""
    built: PairSet
    left_out: tuple[LeftOut, ...] = ()
    """The perturbations that a level lacks here."""

    @property
    def pairs(self) -> list[Pair]:
        """The pairs."""
        return self.built.pairs

    @property
    def dropped(self) -> Mapping[str, int]:
        """Reason -> how many candidates it dropped."""
        return self.built.drops.by_reason()

    @property
    def frame(self) -> pd.DataFrame:
        """One row per pair."""
        import pandas as pd

        return pd.DataFrame([pair.row() for pair in self.pairs])

    def __repr__(self) -> str:
        return f"PairsFile({str(self.path)!r}: {len(self.pairs):,} pairs)"


@in_python
def make_pairs(
    source: PairSource,
    input: str | Path,  # noqa: A002  (the option's name)
    out: str | Path,
    *,
    exclude: str | Path | Sequence[str | Path] = (),
    data_dir: str | Path | None = None,
    task: str | None = None,
    rows: str | Path | None = None,
    labels: str | Sequence[str] = (),
    field: str | Sequence[str] = (),
    bank: str | Path | None = None,
    levels: str | Sequence[str] | None = None,
    perturbations: str | Sequence[str] = (),
    hold_out: str | Sequence[str] = (),
    strength: StrengthName = "medium",
    per_row: int = 1,
    limit: int | None = None,
    max_ratio: float = 2.0,
    max_words: int = 400,
    balance: bool = True,
    seed: int = 0,
) -> PairsFile:
    """Make a training file: an instruction and a variant of it, with the same target.

    Args:
        source: Kind of data that pairs are made from.
        input: File that pairs are made from.
        out: Pairs file to write (.jsonl).
        exclude: Files with evaluation rows that no pair may hold.
        data_dir: Data folder with public rows and word tables; default: HARNESS_DATA_DIR.
        task: Data set of the templates, such as glue/sst2.
        rows: Rows to fill the templates with.
        labels: Verbalizers in label order, for FLAN templates.
        field: TEMPLATE_NAME=ROW_NAME of fields.
        bank: Paraphrase bank, as `harness paraphrase` writes it.
        levels: Levels to perturb at, each its core set.
        perturbations: Only these perturbations, by name; `all` is the whole catalogue.
        hold_out: Levels or perturbations to leave out.
        strength: How many words noise changes, and how much.
        per_row: Pairs per row.
        limit: Maximum pairs to write.
        max_ratio: Maximum ratio of the words of a pair's two instructions.
        max_words: Maximum words of a pair's text.
        balance: Make targets equally frequent.
        seed: Random seed.

    Returns:
        The file with its pairs, and what was dropped for which reason.

    Raises:
        UsageError: An option that the source needs is missing, or a file cannot be read.
        NothingToEvaluateError: No pair is left; the message says which filter took most.

    Example:
        >>> made = harness.make_pairs("paraphrases", "rows.jsonl", "pairs.jsonl", levels="all")
        >>> made.frame["level"].value_counts()
        >>> harness.train("smollm2-135m", made, "checkpoints/coin")
    """
    given = {**locals(), "exclude": [exclude] if isinstance(exclude, str | Path) else exclude}
    return write_pairs_file(check_options(PairsConfig, given, say=str))


def write_pairs_file(config: PairsConfig) -> PairsFile:
    """Build the pairs, write them and the page of samples beside them.

    Raises:
        UsageError: An option that the source needs is missing, or a file cannot be read.
        NothingToEvaluateError: No pair is left.
    """
    from trainers.pairs import write_pairs
    from trainers.pairs.build import build_pairs
    from trainers.pairs.page import render_page

    asked, left_out = pairs_options(config)
    built = build_pairs(asked)
    write_pairs(config.out, built.pairs)
    page = config.out.with_name(f"{config.out.name.removesuffix('.jsonl')}.samples.md")
    write_text(page, render_page(built, title=config.out.name, seed=config.seed))
    return PairsFile(config.out, page, built, left_out)
