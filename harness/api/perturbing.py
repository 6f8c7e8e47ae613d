"""Variants of one text: what the perturbations make of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.api.words import in_python
from harness.core.errors import UnknownNameError, UsageError
from harness.core.names import parse_levels, to_names, to_texts
from harness.core.records import Instruction, StrengthName, Variant, stable_id
from harness.evaluation.selection import choose_perturbations
from perturbations import Selection, VariantSet, make_variants
from perturbations.strength import STRENGTHS


@in_python
def perturb(
    text: str,
    *,
    levels: str | Sequence[str] | None = None,
    perturbations: str | Sequence[str] = (),
    stacks: str | Sequence[str] = (),
    label_words: str | Sequence[str] = (),
    paraphrases: str | Sequence[str] = (),
    per_perturbation: int = 1,
    strength: StrengthName = "medium",
    plugins: str | Sequence[str] = (),
    data_dir: str | Path | None = None,
    seed: int = 0,
) -> list[Variant]:
    """Make variants of an instruction, as `harness perturb` shows them.

    Args:
        text: The instruction.
        levels: Levels to perturb at, each its core set; default: all.
        perturbations: Only these, by name; `all` is the whole catalogue.
        stacks: Compositions such as `keyboard+politeness`.
        label_words: Verbalizers, which stay as they are.
        paraphrases: Other texts of the instruction, for the perturbation `paraphrase`.
        per_perturbation: Variants per perturbation.
        strength: How many words noise changes, and how much: low, medium or high.
        plugins: Python files with perturbations of your own.
        data_dir: Folder with words/ data; default: HARNESS_DATA_DIR.
        seed: From which every variant follows.

    Returns:
        The variants with their edits, in order of level.

    Raises:
        UsageError: An empty text.
        UnknownNameError: An unknown level, perturbation or strength.

    Example:
        >>> import harness
        >>> [variant] = harness.perturb("Classify the review.", perturbations="uppercase")
        >>> variant.text
        'CLASSIFY THE REVIEW.'
        >>> variant.level
        'character'
    """
    if strength not in STRENGTHS:
        raise UnknownNameError("strength", strength, STRENGTHS)
    chosen = choose_perturbations(
        levels=None if levels is None else parse_levels(levels),
        names=to_names(perturbations),
        stacks=to_texts(stacks),
        plugins=to_texts(plugins),
        data_dir=None if data_dir is None else Path(data_dir),
        strengths=(strength,),
    )
    made = vary_text(
        text,
        chosen,
        label_words=to_texts(label_words),
        paraphrases=to_texts(paraphrases),
        seed=seed,
        per_perturbation=per_perturbation,
    )
    return list(made.variants)


def vary_text(
    text: str,
    chosen: Selection,
    *,
    label_words: Sequence[str],
    paraphrases: Sequence[str] = (),
    seed: int,
    per_perturbation: int,
) -> VariantSet:
    """Make variants of one text with what was chosen, and tell what its language leaves out.

    Raises:
        UsageError: An empty text.
    """
    if not text.strip():
        raise UsageError("the text to perturb is empty.")
    return make_variants(
        "text",
        # The text is its own name, so that two texts draw apart at one seed.
        Instruction(id=stable_id(text), style="task", text=text),
        perturbations=chosen.perturbations,
        label_words=label_words,
        paraphrases=paraphrases,
        seed=seed,
        per_perturbation=per_perturbation,
    )
