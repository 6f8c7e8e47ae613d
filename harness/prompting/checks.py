"""What goes wrong between a task and a model, found on a few prompts before a cell is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from harness.core.errors import UsageError
from harness.core.records import Example
from harness.models.contract import Tokenizer
from harness.prompting.prompts import Prompter

_CONTROL: Final = re.compile(
    r"<\|[^|\s<>]{1,40}\|>|</?s>|<(?:bos|eos|pad|unk)>|<(?:start|end)_of_turn>|\[/?INST\]"
)


def check_prompt(prompter: Prompter, instruction: str, example: Example, *, task: str) -> None:
    """Validate that a rendered prompt holds the instruction and the example's input.

    White space does not count, as templates may change it.

    Raises:
        UsageError: it does not, so that the model would be asked something else.
    """
    prompt = _letters(prompter.prompt(instruction, example.input, turns=example.turns))
    shown = [turn.content for turn in example.turns] if prompter.layout == "chat" else []
    parts = [("instruction", instruction), ("system text", prompter.system)]
    for what, text in (*parts, *(("input", text) for text in shown or [example.input])):
        if _letters(text) not in prompt:
            raise UsageError(
                f"task {task!r}: the prompt in the format {prompter.layout!r} does not hold the "
                f"{what} ({text[:60]!r}), so that the model would not be asked it.",
                hint="Type: --prompt-format plain, or mend the tokenizer's chat template.",
            )


def check_answer_lengths(
    prompter: Prompter, tokenizer: Tokenizer, answers: Sequence[str], *, task: str, limit: int
) -> None:
    """Validate that every answer, by its words, fits into what may be generated.

    Raises:
        UsageError: a label has more tokens than `limit`, so that it could never be read.
    """
    words = [prompter.say(answer) for answer in answers]
    lengths = tokenizer.count(words)
    longest = max(lengths)
    if longest > limit:
        word = words[lengths.index(longest)].strip()
        raise UsageError(
            f"task {task!r}: the label word {word!r} has {longest} tokens, and --max-new-tokens "
            f"{limit} ends an answer before it is said.",
            hint=f"Type: --max-new-tokens {longest + 2}",
        )


def control_token_note(tokenizer: Tokenizer, texts: Sequence[str], *, task: str) -> str | None:
    """A note on texts that hold what the tokenizer reads as one of its control tokens.

    They are asked as they stand: taking the marks out would change the data, and a tokenizer may
    read them as plain text.
    """
    holders = [text for text in texts if _CONTROL.search(text)]
    marks = sorted({match[0] for text in holders for match in _CONTROL.finditer(text)})[:20]
    if not marks:
        return None
    lengths = tokenizer.count(marks)
    read = [mark for mark, length in zip(marks, lengths, strict=True) if length == 1]
    if not read:
        return None
    return (
        f"task {task!r}: {len(holders)} texts hold {', '.join(read)}, which this model reads as "
        "control tokens; they are asked as they stand."
    )


def _letters(text: str) -> str:
    return "".join(text.split())
