"""The command lines of the documentation, and how they are run small."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT

PAGES: Final = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
PROGRAMS: Final = ("harness", "make", "python", "pip", "accelerate", "bash")

JOURNEYS: Final = frozenset({"docs/tutorial.md"})
"""Pages whose blocks go on from each other, in one folder."""

_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLED = re.compile(r'^```\w+ title="([\w.-]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_SHELL = ("", "console", "bash", "sh")

_MODELS: Final = frozenset(
    ("smollm2-135m", "CHECKPOINT", "OTHER", "A", "B", "org/name", "path/to/checkpoint")
)
"""What pages call a model; all stand for one tiny checkpoint."""
_CAPS: Final[dict[str, dict[str, str]]] = {
    "run": {
        "--limit": "2", "--instructions": "1", "--resamples": "100", "--device": "cpu",
        "--max-new-tokens": "32",  # the tiny tokenizer makes many tokens of a word
    },
    "attack": {
        "--budget": "60", "--search-examples": "6", "--report-examples": "6", "--device": "cpu",
    },
    "pairs": {"--limit": "24"},
    "train": {"--max-steps": "2", "--batch": "4", "--micro-batch": "4", "--device": "cpu"},
    "check-task": {"--device": "cpu"},
    "explain": {"--sample": "8", "--worst": "4", "--checked": "1"},
    "paraphrase": {"--rounds": "1", "--temperatures": "0.7", "--device": "cpu"},
}  # fmt: skip
"""Options that keep a command small, by subcommand; they replace the page's own."""


@dataclass(frozen=True)
class Block:
    """The commands of one fenced block."""

    page: str
    line: int
    commands: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def read_blocks() -> Iterator[Block]:
    """Every fenced block with commands, of the README and the pages of docs."""
    for page in PAGES:
        blocks = list(_blocks_of(page))
        if page in JOURNEYS:
            yield Block(page, 1, tuple(one for block in blocks for one in block.commands))
        else:
            yield from blocks


def _blocks_of(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text("utf-8")
    for match in _BLOCK.finditer(text):
        commands = tuple(_commands(match[2])) if match[1] in _SHELL else ()
        if commands:
            yield Block(page, text.count("\n", 0, match.start()) + 1, commands)


def named_files(page: str) -> dict[str, str]:
    """The files that a page shows: blocks with a title, and Python whose first line names one."""
    text = (ROOT / page).read_text("utf-8")
    blocks = [match[2] for match in _BLOCK.finditer(text)]
    named = [(re.match(r"# (\w+\.py)\n", block), block) for block in blocks]
    titled = {match[1]: match[2] for match in _TITLED.finditer(text)}
    return titled | {match[1]: block for match, block in named if match}


def _commands(block: str) -> Iterator[str]:
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] in PROGRAMS:
            yield " ".join(line.split("  #")[0].split())


def run_small(command: str, model: Path, data_dir: Path) -> list[str]:
    """A harness command's arguments, small: a tiny model, few examples, files by their pattern."""
    _, subcommand, *words = shlex.split(command)
    arguments = [subcommand, *_with_models(words, model, data_dir)]
    served = any(word.startswith(("http://", "openai:")) for word in words)
    for option, value in _CAPS.get(subcommand, {}).items():
        if served and option == "--device":
            continue
        arguments = _with_option(arguments, option, value)
    return [word for argument in arguments for word in _expanded(argument)]


def _with_models(words: Sequence[str], model: Path, data_dir: Path) -> Iterator[str]:
    option = ""
    for word in words:
        is_model = option == "--model" and word in _MODELS
        yield str(model) if is_model else str(data_dir) if word == "DATA" else word
        option = word


def _with_option(arguments: list[str], option: str, value: str) -> list[str]:
    if option not in arguments:
        return [*arguments, option, value]
    at = arguments.index(option) + 1
    if not arguments[at].isdigit():
        return arguments
    return [*arguments[:at], value, *arguments[at + 1 :]]


def _expanded(argument: str) -> list[str]:
    """What a shell makes of a pattern."""
    return sorted(map(str, Path().glob(argument))) if "*" in argument else [argument]
