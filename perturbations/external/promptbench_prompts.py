"""PromptBench's published prompts, read as data from its installed package.

Zhu et al. 2023, PromptBench: Towards Evaluating the Robustness of Large Language Models on
Adversarial Prompts, arXiv 2306.04528. The package's `__init__` imports every model client that it
knows, so nothing of it is run: its files are located from its spec and their literals are read.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from harness.core.errors import MissingPackageError, UnknownNameError, UsageError
from harness.core.records import Edit, Instruction, Style
from perturbations.base import Apply, Draft, Perturbation, Subject
from perturbations.diff import draft_of
from perturbations.labels import named_labels

PACKAGE: Final = "promptbench"
INSTALL: Final = "pip install --no-deps promptbench==0.0.4"

_INSTRUCTIONS: Final[Mapping[Style, tuple[str, str]]] = {
    "task": ("prompts/task_oriented.py", "TASK_ORIENTED_PROMPTS"),
    "role": ("prompts/role_oriented.py", "ROLE_ORIENTED_PROMPTS"),
}
_SEMANTIC_PROMPTS: Final = ("prompts/semantic_atk_prompts.py", "SEMANTIC_ADV_PROMPT_SET")
_ADDITIONS: Final = "prompt_attack/transformations.py"

# Where the package shows the input; once it cuts a quotation in two.
_INPUT_FIELDS: Final = re.compile(r"\s*\n\s*\w+:\s*\{\w*\}\s*\n\s*\w+:")
_PLACEHOLDER: Final = re.compile(r"\{\w*\}")
_ENDING: Final = re.compile(r"[\s.:;,!?]*$")


def read_instructions(task: str, label_words: Sequence[str]) -> tuple[Instruction, ...]:
    """PromptBench's task- and role-oriented instructions of a task, styles in turn.

    Raises:
        MissingPackageError: the package is not installed.
        UnknownNameError: PromptBench has no such task.
        UsageError: none of its instructions names the task's label words.
    """
    found: list[Instruction] = []
    by_style = {
        style: fit_labels(_of_task(read_literal(*place), task), label_words)
        for style, place in _INSTRUCTIONS.items()
    }
    for number in range(max(map(len, by_style.values()))):
        for style, texts in by_style.items():
            if number < len(texts):
                name = f"promptbench-{style}-{number + 1}"
                found.append(Instruction(id=name, style=style, text=texts[number]))
    if not found:
        raise UsageError(
            f"none of PromptBench's instructions for {task!r} names all of this task's label "
            f"words ({', '.join(label_words)}).",
            hint="Leave out --instructions promptbench for this task.",
        )
    return tuple(found)


def read_semantic_prompts(task: str, label_words: Sequence[str]) -> tuple[str, ...]:
    """The prompts of a task that PromptBench had translated to six languages and back.

    Raises:
        MissingPackageError: the package is not installed.
        UnknownNameError: PromptBench has no such task.
    """
    by_language = _of_task(read_literal(*_SEMANTIC_PROMPTS), task)
    if not isinstance(by_language, Mapping):
        raise _unexpected(_SEMANTIC_PROMPTS[0])
    return fit_labels([text for texts in by_language.values() for text in texts], label_words)


def fit_labels(texts: object, label_words: Sequence[str]) -> tuple[str, ...]:
    """The texts without fields for the input, each once, that name every label word.

    Where a quoted label differs from the task's word in case alone ('Acceptable'), it takes the
    word's own: the word is what the model is scored on.
    """
    if not isinstance(texts, Sequence):
        raise _unexpected("prompts")
    fitting: dict[str, None] = {}
    words = frozenset(label_words)
    for text in texts:
        cleaned = _match_case(_INPUT_FIELDS.sub("", text).strip(), label_words)
        if _PLACEHOLDER.search(cleaned) is None and named_labels(cleaned, label_words) == words:
            fitting[cleaned] = None
    return tuple(fitting)


@cache
def read_literal(file: str, name: str) -> object:
    """The value of the literal that `file` of the package assigns to `name`, at any depth.

    Raises:
        MissingPackageError: the package is not installed.
        UsageError: this version of the package has no such literal.
    """
    path = _package_folder() / file
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", hint=f"Type: {INSTALL}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in node.targets
        ):
            return _evaluate(node.value, file)
    raise _unexpected(file)


def read_additions(name: str) -> list[str]:
    """What PromptBench appends: `rand_seqs` of its CheckList attack, `texts` of its StressTest.

    Raises:
        MissingPackageError: the package is not installed.
    """
    strings = read_literal(_ADDITIONS, name)
    if not isinstance(strings, list):
        raise _unexpected(_ADDITIONS)
    return [" ".join(str(string).split()) for string in strings]


def append_to_end(text: str, addition: str) -> Draft:
    """The text with words after its last one, before the punctuation that ends it."""
    ending = _ENDING.search(text)
    place = ending.start() if ending else len(text)
    inserted = f" {addition}"
    draft_text = text[:place] + inserted + text[place:]
    return Draft(draft_text, (Edit(place, place, "", inserted),))


def _package_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError(
            PACKAGE, needed_for="PromptBench's published prompts", install=INSTALL
        )
    return Path(spec.submodule_search_locations[0])


def _evaluate(node: ast.expr, file: str) -> object:
    """A literal, in which a list's element may be a string times a number."""
    if isinstance(node, ast.List):
        return [_evaluate(element, file) for element in node.elts]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        left, right = _evaluate(node.left, file), _evaluate(node.right, file)
        if isinstance(left, str) and isinstance(right, int) and right < 100:
            return left * right
    try:
        value: object = ast.literal_eval(node)
    except ValueError:
        raise _unexpected(file) from None
    return value


def _of_task(prompts: object, task: str) -> object:
    if not isinstance(prompts, Mapping):
        raise _unexpected("prompts")
    if task not in prompts:
        raise UnknownNameError("PromptBench task", task, map(str, prompts))
    return prompts[task]


def _match_case(text: str, label_words: Iterable[str]) -> str:
    for word in label_words:
        quoted = re.compile(rf"(?<=['\"]){re.escape(word)}(?=['\"])", re.IGNORECASE)
        text = quoted.sub(word, text)
    return text


def _unexpected(file: str) -> UsageError:
    return UsageError(
        f"{PACKAGE}'s {file} is not laid out as in version 0.0.4.", hint=f"Type: {INSTALL}"
    )


def _apply_semantic(subject: Subject, rng: Random) -> Draft | None:
    try:
        texts = read_semantic_prompts(subject.task, subject.label_words)
    except UnknownNameError:
        return None
    return draft_of(subject.text, rng.choice(texts)) if texts else None


def _appending(name: str) -> Apply:
    def apply(subject: Subject, rng: Random) -> Draft:
        return append_to_end(subject.text, rng.choice(read_additions(name)))

    return apply


SEMANTIC: Final = Perturbation(
    name="promptbench:semantic",
    level="semantic",
    description="One of PromptBench's published prompts of the task that were translated to six "
    "languages and back (Zhu et al. 2023).",
    apply=_apply_semantic,
    amount="the whole text",
    on_input=False,
    needs=(PACKAGE,),
)
CHECKLIST: Final = Perturbation(
    name="promptbench:checklist",
    level="sentence",
    description="One of PromptBench's 50 random strings after the last word, as its CheckList "
    "attack does (Zhu et al. 2023; Ribeiro et al. 2020).",
    apply=_appending("rand_seqs"),
    amount="10 characters added",
    needs=(PACKAGE,),
)
STRESSTEST: Final = Perturbation(
    name="promptbench:stresstest",
    level="sentence",
    description="One of PromptBench's tautologies after the last word, as its StressTest attack "
    "does (Zhu et al. 2023; Naik et al. 2018).",
    apply=_appending("texts"),
    amount="4 to 20 words added",
    needs=(PACKAGE,),
)
