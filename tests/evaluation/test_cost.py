"""What a run is said to cost: token counts by hand, the time that follows, what does not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.records import Placement
from harness.evaluation import cost
from harness.evaluation.cost import TaskLengths, check_lengths, estimate, measure_lengths
from harness.evaluation.plan import Plan
from harness.evaluation.variants import VariantOptions, build_variants
from harness.prompting.prompts import Prompter
from harness.tasks import Task, load_task
from perturbations import find
from tests.support.victims import CharTokenizer, write_task

RATE = 1e9
"""FLOPs per second of the machine of these tests."""


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return load_task(write_task(tmp_path, examples=6), data_dir=None)


@pytest.fixture
def plan(task: Task) -> Plan:
    made = build_variants(task, [find("keyboard"), find("politeness")], VariantOptions(seed=0))
    return Plan((task,), {task.name: made.variants})


@pytest.fixture
def prompter(task: Task) -> Prompter:
    words = dict(zip(task.label_names, task.label_words, strict=True))
    return Prompter("plain", task.answer_cue, words)


@pytest.fixture
def lengths(task: Task, plan: Plan, prompter: Prompter) -> TaskLengths:
    return measure_lengths(task, plan, prompter, CharTokenizer())


def test_tokens_are_those_of_every_prompt_with_its_longest_label(
    task: Task, plan: Plan, prompter: Prompter, lengths: TaskLengths
) -> None:
    # One token per character: the sum of the parts is the length of the whole, exactly.
    prompts = [
        prompter.prompt(variant.text, example.input)
        for variant in plan.variants[task.name]
        for example in task.examples
    ]
    assert lengths.cells == len(prompts) == plan.cells
    assert lengths.total == sum(len(prompt) + len(" positive") for prompt in prompts)
    assert lengths.longest == max(len(prompt) + len(" positive") for prompt in prompts)


def test_an_instruction_that_is_run_once_per_variant_is_paid_once(lengths: TaskLengths) -> None:
    instructions = sum(lengths.variants)
    assert lengths.total - lengths.own == instructions * len(lengths.inputs) - instructions


def test_half_of_the_cells_cost_half_of_what_is_below_the_instructions() -> None:
    whole = TaskLengths("t", variants=(10, 20), inputs=(5, 7), frame=3, cells=4)
    half = replace(whole, cells=2)
    # By hand: 2 x (10 + 20) for the instructions, 2 x (5 + 7) for the inputs, 4 x 3 for the frame.
    assert (whole.total, whole.own) == (60 + 24 + 12, 30 + 24 + 12)
    assert (half.total, half.own) == (30 + 12 + 6, 30 + 12 + 6)


def test_what_prompts_begin_with_is_paid_once() -> None:
    last, both = (
        TaskLengths("t", (10, 20), (5, 7), frame=3, cells=4, placement=placement)
        for placement in ("last", "both")
    )
    # By hand: the inputs once, or the instructions once and then again in every cell.
    assert (last.total, last.own, last.longest) == (60 + 24 + 12, 60 + 12 + 12, 30)
    assert (both.total, both.own, both.longest) == (120 + 24 + 12, 30 + 60 + 24 + 12, 50)


@pytest.mark.parametrize("placement", ["last", "both"])
def test_tokens_are_those_of_every_prompt_wherever_the_instruction_stands(
    placement: Placement, task: Task, plan: Plan, prompter: Prompter
) -> None:
    placed = replace(task, placement=placement)
    made = replace(prompter, placement=placement)
    found = measure_lengths(placed, replace(plan, tasks=(placed,)), made, CharTokenizer())
    prompts = [
        made.prompt(variant.text, example.input)
        for variant in plan.variants[task.name]
        for example in task.examples
    ]
    assert found.total == sum(len(prompt) + len(" positive") for prompt in prompts)
    assert found.longest == max(len(prompt) + len(" positive") for prompt in prompts)


@pytest.mark.parametrize("finished", [0, 0.5, 1])
def test_seconds_are_those_of_the_cells_that_are_left(
    finished: float, plan: Plan, lengths: TaskLengths
) -> None:
    found = estimate(plan, [lengths], int(finished * plan.cells), 80.0)
    assert (found.cells, found.tokens) == (plan.cells, lengths.total)
    assert found.seconds == pytest.approx((1 - finished) * 80.0)


def test_what_does_not_fit_is_told_by_its_parts(plan: Plan, lengths: TaskLengths) -> None:
    check_lengths([lengths], plan, lengths.longest)
    with pytest.raises(UsageError) as raised:
        check_lengths([lengths], plan, lengths.longest - 1)
    message = str(raised.value)
    assert f"a prompt of {lengths.longest} tokens does not fit" in message
    assert f"has {max(lengths.variants)} tokens" in message
    assert f"the longest input {max(lengths.inputs)}" in message


def test_a_matrix_product_is_really_timed() -> None:
    assert cost.matmul_rate("float32", "cpu", size=64, seconds=0.01) > 1e6


def test_an_encoder_decoder_has_a_context_for_each_of_prompt_and_answer(
    plan: Plan, lengths: TaskLengths
) -> None:
    assert lengths.answer == len(" positive")
    prompt = lengths.longest - len(" positive")
    check_lengths([lengths], plan, prompt, "encoder-decoder")
    with pytest.raises(UsageError, match=f"a prompt of {prompt} tokens"):
        check_lengths([lengths], plan, prompt - 1, "encoder-decoder")
    answers = replace(lengths, frame=lengths.frame + 5000, answer=lengths.answer + 5000)
    assert answers.needed("encoder-decoder") == 5000 + len(" positive")


def test_an_encoder_reads_every_prompt_whole(plan: Plan, lengths: TaskLengths) -> None:
    found = estimate(plan, [lengths], 0, 1.0, "encoder-decoder")
    assert found.unique_tokens == found.tokens == lengths.total
