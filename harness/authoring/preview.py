"""One prompt of a task in each layout, as a model would see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.prompting.prompts import FORMAT_CHOICES, Prompter
from harness.tasks.task import Task


def preview_prompts(task: Task) -> dict[str, str]:
    """Layout -> the prompt of the first instruction and example.

    A chat is shown as its turns, each below its role: every model's template writes them its own
    way, and `harness prompts RUN` shows what a model saw.
    """
    return {layout: _render(task, layout) for layout in FORMAT_CHOICES if layout != "auto"}


def _render(task: Task, layout: str) -> str:
    prompter = Prompter(
        layout=layout,  # type: ignore[arg-type]  # one of FORMAT_CHOICES
        answer_cue=task.answer_cue,
        prefill=task.prefill,
        verbalizer_of=task.verbalizer_of,
        render_chat=_as_turns,
        placement=task.placement,
        system=task.system,
        gap=task.gap,
    )
    first = task.examples[0]
    return prompter.prompt(task.instructions[0].text, first.input, turns=first.turns)


def _as_turns(turns: Sequence[Mapping[str, str]]) -> str:
    said = "\n".join(f"[{turn['role']}]\n{turn['content']}" for turn in turns)
    return f"{said}\n[assistant]\n"
