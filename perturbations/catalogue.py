"""The catalogue: every native perturbation by name, plug-ins, and choosing among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.core.errors import HarnessError, UnknownNameError, UsageError
from harness.core.plugin_file import plugin_error, run_plugin
from harness.core.records import (
    LEVELS,
    PARTS_OF,
    PERTURBED_LEVELS,
    LeftOut,
    Level,
    StrengthName,
    Target,
)
from perturbations.base import REGISTRY, Perturbation
from perturbations.resources import missing_need
from perturbations.stack import stack
from perturbations.strength import STRENGTHS

# Name -> where it is; a module is imported when one of its perturbations is first asked for.
_NATIVE: Final = {
    "keyboard": "character.typing:KEYBOARD",
    "swap": "character.typing:SWAP",
    "drop": "character.typing:DROP",
    "add": "character.typing:ADD",
    "repeat": "character.typing:REPEAT",
    "scramble": "character.typing:SCRAMBLE",
    "disemvowel": "character.typing:DISEMVOWEL",
    "homoglyph": "character.lookalikes:HOMOGLYPH",
    "invisible": "character.lookalikes:INVISIBLE",
    "accent": "character.lookalikes:ACCENT",
    "leet": "character.lookalikes:LEET",
    "ocr": "character.lookalikes:OCR",
    "letter-case": "character.layout:LETTER_CASE",
    "lower-case": "character.layout:LOWER_CASE",
    "upper-case": "character.layout:UPPER_CASE",
    "spacing": "character.layout:SPACING",
    "punctuation-drop": "character.layout:PUNCTUATION_DROP",
    "punctuation-insert": "character.layout:PUNCTUATION_INSERT",
    "punctuation-repeat": "character.layout:PUNCTUATION_REPEAT",
    "misspelling": "word.substitution:MISSPELLING",
    "homophone": "word.substitution:HOMOPHONE",
    "uk-us": "word.substitution:SPELLING",
    "abbreviation": "word.substitution:ABBREVIATION",
    "contraction": "word.substitution:CONTRACTION",
    "expansion": "word.substitution:EXPANSION",
    "article": "word.substitution:ARTICLE",
    "preposition": "word.substitution:PREPOSITION",
    "agreement": "word.substitution:AGREEMENT",
    "word-split": "word.slips:SPLIT",
    "word-merge": "word.slips:MERGE",
    "hyphenation": "word.slips:HYPHENATION",
    "word-order": "word.slips:WORD_ORDER",
    "word-repeat": "word.slips:WORD_REPEAT",
    "stopword-drop": "word.slips:FUNCTION_WORD_DROP",
    "filler": "word.slips:FILLER",
    "inflection": "word.wordforms:INFLECTION",
    "wordnet": "word.neighbours:WORDNET",
    "counterfitted": "word.neighbours:COUNTERFITTED",
    "synonym": "word.synonyms:SYNONYM",
    "checklist-random": "sentence.level:CHECKLIST_RANDOM",
    "checklist-handle": "sentence.level:CHECKLIST_HANDLE",
    "checklist-url": "sentence.level:CHECKLIST_URL",
    "tautology": "sentence.level:TAUTOLOGY",
    "irrelevant-before": "sentence.level:IRRELEVANT_BEFORE",
    "irrelevant-between": "sentence.level:IRRELEVANT_BETWEEN",
    "irrelevant-after": "sentence.level:IRRELEVANT_AFTER",
    "politeness": "sentence.level:POLITENESS",
    "urgency": "sentence.level:URGENCY",
    "encouragement": "sentence.level:ENCOURAGEMENT",
    "persona": "sentence.level:PERSONA",
    "reorder": "sentence.level:REORDER",
    "format-separator": "sentence.level:FORMAT_SEPARATOR",
    "format-spacing": "sentence.level:FORMAT_SPACING",
    "format-casing": "sentence.level:FORMAT_CASING",
    "format-heading": "sentence.level:FORMAT_HEADING",
    "format-list": "sentence.level:FORMAT_LIST",
    "option-order": "sentence.options:ORDER",
    "option-letters": "sentence.options:LETTERS",
    "paraphrase": "semantic.level:PARAPHRASE",
    "as-question": "semantic.level:QUESTION",
    "as-request": "semantic.level:REQUEST",
    "as-task": "semantic.level:TASK",
    "as-obligation": "semantic.level:OBLIGATION",
    "as-activity": "semantic.level:ACTIVITY",
    "nominal": "semantic.level:NOMINAL",
    "passive": "semantic.level:PASSIVE",
    "as-direct-question": "semantic.level:DIRECT_QUESTION",
    "as-wish": "semantic.level:WISH",
    "conditional": "semantic.level:CONDITIONAL",
    "formal": "semantic.level:FORMAL",
    "casual": "semantic.level:CASUAL",
    "purpose-first": "semantic.level:PURPOSE_FIRST",
    "answer-first": "semantic.level:ANSWER_FIRST",
}

# What a package published; these come by name, never with their level.
_PUBLISHED: Final = {
    "promptbench:semantic": "external.promptbench_prompts:SEMANTIC",
    "promptbench:checklist": "external.promptbench_prompts:CHECKLIST",
    "promptbench:stresstest": "external.promptbench_prompts:STRESSTEST",
}

for _name, _target in (_NATIVE | _PUBLISHED).items():
    REGISTRY.add(_name, f"perturbations.{_target}")


@dataclass(frozen=True, slots=True)
class Selection:
    """The perturbations chosen, ready to be applied, and what was left out and why."""

    perturbations: tuple[Perturbation, ...]
    left_out: tuple[LeftOut, ...] = ()


def select(
    *,
    levels: Sequence[str] = (),
    names: Sequence[str] = (),
    stacks: Sequence[str] = (),
    target: Target = "instruction",
    data_dir: Path | None = None,
    strengths: Sequence[StrengthName] = ("medium",),
) -> Selection:
    """Choose the perturbations of the levels, those named, and the stacks, each once, in order.

    `all` stands for every level. What a level holds but cannot be applied here (data or a package
    is missing, or it makes no sense on an input) is left out; asked for by name it is an error.
    What is chosen knows the data folder and its strength: nothing later in the flow needs to be
    told.

    Args:
        levels: Character, word, sentence, semantic, or `all`.
        names: Single perturbations, by name.
        stacks: Compositions such as `keyboard+politeness`.
        target: What is perturbed.
        data_dir: Where word tables lie that some perturbations read.
        strengths: How many words noise changes, and how much; see `perturbations.strength`. What
            is graded is chosen at each of several, the rest once.

    Returns:
        The chosen perturbations, and a record of each that was left out.

    Raises:
        UnknownNameError: a level or a name that does not exist.
        UsageError: a named perturbation that cannot be applied here.
    """
    wanted = _expand(levels)
    chosen: dict[str, Perturbation] = {}
    left_out: list[LeftOut] = []
    for perturbation in map(find, REGISTRY.names() if wanted else ()):
        if perturbation.name in _PUBLISHED or perturbation.name in names:
            continue
        if perturbation.level not in wanted:
            continue
        obstacle = _find_obstacle(perturbation, target, data_dir)
        if obstacle is None:
            chosen[perturbation.name] = perturbation.with_data(data_dir)
        else:
            left_out.append(obstacle)
    for perturbation in map(find, (*names, *stacks)):
        obstacle = _find_obstacle(perturbation, target, data_dir)
        if obstacle is not None:
            raise _refusal(obstacle, data_dir)
        chosen[perturbation.name] = perturbation.with_data(data_dir)
    graded = [one for each in chosen.values() for one in _at_strengths(each, strengths)]
    return Selection(tuple(graded), tuple(left_out))


def _at_strengths(
    perturbation: Perturbation, names: Sequence[StrengthName]
) -> Iterator[Perturbation]:
    """The perturbation at each strength, the weakest first; once where it knows none."""
    for name in names:
        if name not in STRENGTHS:
            raise UnknownNameError("strength", name, tuple(STRENGTHS))
    asked = [strength for name, strength in STRENGTHS.items() if name in names]
    for strength in asked if perturbation.graded else asked[:1]:
        yield replace(perturbation, strength=strength)


def find(name: str) -> Perturbation:
    """The perturbation of that name; `a+b` is the stack of the two.

    Raises:
        UnknownNameError: no such perturbation.
        UsageError: a plug-in that cannot be loaded or is no perturbation.
    """
    if "+" in name and name not in REGISTRY:
        return stack(name, find)
    try:
        found = REGISTRY.get(name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"perturbation {name!r} cannot be loaded: {error}.") from error
    return _checked(found, f"perturbation {name!r}")


def validity_notes(names: Iterable[str]) -> Iterator[str]:
    """Say of each named perturbation what to know before trusting its drop; most need no word.

    Args:
        names: perturbations by name; one that is not known here, such as a replayed plug-in's, is
            passed over.

    Example:
        >>> [note[:15] for note in validity_notes(["keyboard", "wordnet"])]
        ['wordnet: 62 % o']
    """
    for name in dict.fromkeys(names):
        known = name in REGISTRY or all(part in REGISTRY for part in name.split("+"))
        note = find(name).validity_note if known else ""
        if note:
            yield f"{name}: {note}"


def load_plugin(path: Path) -> tuple[Perturbation, ...]:
    """Register the perturbations of a Python file, which lists them in `PERTURBATIONS`.

    The file is run, as any import is. Loading the same file again changes nothing, and a file that
    adds graders alone adds none.

    Raises:
        UsageError: no such file, it fails, lists no perturbations, or takes a name in use.
    """
    try:
        listed = tuple(getattr(run_plugin(path), "PERTURBATIONS", ()))
    except TypeError as error:
        raise plugin_error(path, error) from error
    perturbations = tuple(_checked(one, f"{path}: an entry of PERTURBATIONS") for one in listed)
    _refuse_taken_names(path, perturbations)
    for perturbation in perturbations:
        if perturbation.name not in REGISTRY:
            REGISTRY.add(perturbation.name, perturbation)
    return perturbations


def _expand(levels: Sequence[str]) -> tuple[Level, ...]:
    for level in levels:
        if level not in (*LEVELS, "all"):
            raise UnknownNameError("level", level, (*LEVELS, "all"))
    return tuple(one for one in PERTURBED_LEVELS if one in levels or "all" in levels)


def _find_obstacle(
    perturbation: Perturbation, target: Target, data_dir: Path | None
) -> LeftOut | None:
    """Why the perturbation cannot be applied here, or None if it can."""
    name, level = perturbation.name, perturbation.level
    if "input" in PARTS_OF[target] and not perturbation.on_input:
        return LeftOut(name, level, "target", target)
    for need in perturbation.needs:
        if missing_need(need, data_dir=data_dir, needed_for=name) is not None:
            return LeftOut(name, level, "data" if "/" in need else "package", need)
    return None


def _refusal(obstacle: LeftOut, data_dir: Path | None) -> HarnessError:
    """The error that says why a perturbation asked for by name cannot be applied."""
    name, need = obstacle.name, obstacle.need
    missing = missing_need(need, data_dir=data_dir, needed_for=name)
    if obstacle.reason == "target" or missing is None:
        return UsageError(f"{name} rewrites instructions and cannot be applied to {need!r}.")
    return missing


def _refuse_taken_names(path: Path, perturbations: Sequence[Perturbation]) -> None:
    names = [one.name for one in perturbations]
    for position, perturbation in enumerate(perturbations):
        name = perturbation.name
        taken = name in REGISTRY and REGISTRY.get(name) is not perturbation
        if taken or name in names[:position]:
            raise UsageError(
                f"{path}: there is a perturbation {name!r} already.", hint="Give it another name."
            )


def _checked(thing: object, what: str) -> Perturbation:
    if not isinstance(thing, Perturbation):
        raise UsageError(f"{what} is a {type(thing).__name__}, not a Perturbation.")
    return thing
