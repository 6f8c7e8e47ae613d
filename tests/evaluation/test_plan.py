"""Plans and windows: every cell once, cut at the same places, inputs perturbed by seed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evaluation.design import Design
from harness.evaluation.plan import Block, Plan, shuffled_examples, windows
from harness.evaluation.variants import VariantOptions, build_variants
from harness.tasks import Task, load_task
from harness.tasks.suites import task_path
from perturbations import find


@pytest.fixture(scope="module")
def task() -> Task:
    whole = load_task(task_path("sentiment"), data_dir=None)
    return whole.with_examples(7, seed=0).with_instructions(2)


def plan_of(task: Task, *names: str, target: str = "instruction") -> Plan:
    options = VariantOptions(seed=3, target=target)  # type: ignore[arg-type]
    chosen = {name: find(name) for name in names}
    made = build_variants(task, list(chosen.values()), options)
    return Plan((task,), {task.name: made.variants}, chosen)


@given(chunk=st.integers(1, 9), size=st.integers(1, 40))
def test_windows_hold_every_cell_once_in_plan_order(task: Task, chunk: int, size: int) -> None:
    plan = plan_of(task, "keyboard", "swap")
    seen = [
        (block.variant.id, example.id)
        for window in windows(plan.pieces(chunk), size)
        for block in window
        for example in block.examples
    ]
    expected = [(v.id, e.id) for v in plan.variants[task.name] for e in task.examples]
    assert seen == expected
    assert len(seen) == plan.cells == 2 * 3 * 7


def test_windows_are_cut_at_the_same_places(task: Task) -> None:
    plan = plan_of(task, "keyboard")
    sizes = [sum(map(len, window)) for window in windows(plan.pieces(4), 6)]
    # Blocks of 4 and 3 for each of the four variants; a window ends once it holds 6.
    assert sizes == [7, 7, 7, 7]


@given(chunk=st.integers(1, 9), size=st.integers(1, 60), share=st.sampled_from([0.3, 0.6, 1.0]))
def test_with_the_input_first_windows_hold_every_cell_once_example_by_example(
    task: Task, chunk: int, size: int, share: float
) -> None:
    whole = plan_of(replace(task, placement="last"), "keyboard", "swap")
    plan = replace(whole, design=Design(share=share)) if share < 1 else whole
    cut = list(windows(plan.pieces(chunk), size))
    seen = [(block.variant.id, one.id) for w in cut for block in w for one in block.examples]
    asked = plan.examples_of(plan.tasks[0])
    assert sorted(seen) == sorted((v.id, e.id) for v, examples in asked for e in examples)
    assert max(sum(map(len, window)) for window in cut) <= size + 2 * max(chunk, 6)
    places = {example.id: place for place, example in enumerate(task.examples)}
    order = [[places[one.id] for block in w for one in block.examples] for w in cut]
    # An example is never gone back to: what prompts share is in neighbouring windows at most.
    assert all(max(a) <= min(b) for a, b in pairwise(order))


def test_pieces_of_whole_examples_fill_a_window(task: Task) -> None:
    plan = plan_of(replace(task, placement="last"), "keyboard", "swap")  # 6 variants, 7 examples
    cut = list(windows(plan.pieces(10), 10))
    assert [len({e.id for b in w for e in b.examples}) for w in cut] == [2, 2, 2, 1]
    assert [sum(map(len, window)) for window in cut] == [12, 12, 12, 6]
    # More than twice as many variants as a window holds: an example is cut.
    assert [sum(map(len, window)) for window in windows(plan.pieces(2), 2)] == [2, 2, 2] * 7


def test_an_instruction_on_both_sides_goes_variant_by_variant(task: Task) -> None:
    both, first = (
        list(plan_of(replace(task, placement=placement), "keyboard").pieces(4))
        for placement in ("both", "first")
    )
    assert [[b.variant.id for b in piece] for piece in both] == [
        [b.variant.id for b in piece] for piece in first
    ]


def test_clean_variants_come_first(task: Task) -> None:
    levels = [v.level for v in plan_of(task, "keyboard").variants[task.name]]
    assert levels == ["clean", "clean", "character", "character"]


def test_an_instruction_variant_leaves_inputs_alone(task: Task) -> None:
    for block in plan_of(task, "keyboard").blocks(10):
        assert tuple(cell.example for cell in block.cells()) == block.examples


def test_an_input_variant_changes_inputs_and_only_them(task: Task) -> None:
    first, again = (plan_of(task, "keyboard", target="input") for _ in range(2))
    for one, two in zip(first.blocks(10), again.blocks(10), strict=True):
        assert [c.example.input for c in one.cells()] == [c.example.input for c in two.cells()]
        changed = [
            c.example.input != e.input for c, e in zip(one.cells(), one.examples, strict=True)
        ]
        assert one.variant.text == one.variant.original
        assert all(changed) if one.variant.level == "character" else not any(changed)
        for cell, example in zip(one.cells(), one.examples, strict=True):
            assert cell.example.input.startswith("Text: ")
            assert (cell.example.id, cell.example.gold) == (example.id, example.gold)


def test_both_changes_instruction_and_input(task: Task) -> None:
    plan = plan_of(task, "keyboard", target="both")
    perturbed = [block for block in plan.blocks(10) if block.variant.level == "character"]
    assert perturbed
    for block in perturbed:
        assert block.variant.text != block.variant.original
        assert all(
            c.example.input != e.input for c, e in zip(block.cells(), block.examples, strict=True)
        )
    ids = {block.variant.id for block in plan.blocks(10)}
    assert ids.isdisjoint({b.variant.id for b in perturbed_of(task)})


def perturbed_of(task: Task) -> list[Block]:
    blocks = plan_of(task, "keyboard").blocks(10)
    return [block for block in blocks if block.variant.level == "character"]


def test_the_order_of_drawing_is_seeded(task: Task) -> None:
    assert shuffled_examples(task, 1) == shuffled_examples(task, 1)
    assert shuffled_examples(task, 1) != shuffled_examples(task, 2)
    assert sorted(e.id for e in shuffled_examples(task, 1)) == sorted(e.id for e in task.examples)


def test_plan_of_nothing() -> None:
    assert list(windows([], 5)) == []


def test_variants_can_be_replayed(task: Task, tmp_path: Path) -> None:
    from harness.evaluation.variants import read_variants
    from harness.results.rundir import RunDirectory

    plan = plan_of(task, "keyboard", "swap")
    RunDirectory(tmp_path).write_variants(plan.all_variants())
    again = read_variants(tmp_path / "variants.jsonl", [task])
    assert again[task.name].variants == plan.variants[task.name]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            '{"task": "sentiment", "level": "word", "text": "x"}',
            "field required under 'perturbation'",
        ),
        (
            '{"task": "sentimnt", "level": "word", "perturbation": "p", "text": "x"}',
            "Did you mean 'sentiment'",
        ),
        (
            '{"task": "sentiment", "level": "words", "perturbation": "p", "text": "x"}',
            "Did you mean 'word'",
        ),
        ("{", "line 1: not valid JSON"),
        ("[]", "line 1: a row is a JSON object"),
    ],
)
def test_a_bad_replay_file_is_refused(task: Task, tmp_path: Path, line: str, message: str) -> None:
    from harness.core.errors import UsageError
    from harness.evaluation.variants import read_variants

    (tmp_path / "v.jsonl").write_text(line + "\n")
    with pytest.raises(UsageError) as caught:
        read_variants(tmp_path / "v.jsonl", [task])
    assert message in str(caught.value)


def test_a_short_replay_row_is_enough(task: Task, tmp_path: Path) -> None:
    from harness.evaluation.variants import read_variants

    row = '{"task": "sentiment", "level": "word", "perturbation": "mine", "text": "Say it."}\n'
    (tmp_path / "v.jsonl").write_text(row * 2)
    variants = read_variants(tmp_path / "v.jsonl", [task])[task.name].variants
    assert [(v.text, v.original, v.instruction_id) for v in variants] == [
        ("Say it.", "Say it.", "")
    ]


def test_a_share_asks_clean_instructions_everywhere_and_the_rest_evenly(task: Task) -> None:
    whole = plan_of(task, "keyboard", "swap")
    plan = replace(whole, design=Design(share=0.5))
    asked = {variant.id: examples for variant, examples in plan.examples_of(task)}
    for variant in plan.variants[task.name]:
        expected = len(task.examples) if variant.level == "clean" else len(task.examples) / 2
        assert abs(len(asked[variant.id]) - expected) < 1
    assert plan.cells == sum(map(len, asked.values())) == sum(map(len, plan.blocks(3)))
    assert plan.full_cells == whole.cells


def test_a_replay_file_may_hold_a_byte_order_mark_and_blank_lines(
    task: Task, tmp_path: Path
) -> None:
    from harness.evaluation.variants import read_variants

    row = '{"task": "sentiment", "level": "clean", "perturbation": "clean", "text": "Do."}'
    (tmp_path / "v.jsonl").write_bytes(b"\xef\xbb\xbf" + f"\n{row}\n\n".encode())
    (variant,) = read_variants(tmp_path / "v.jsonl", [task])[task.name].variants
    assert variant.text == "Do."


def test_one_id_for_two_texts_is_refused(task: Task, tmp_path: Path) -> None:
    from harness.core.errors import UsageError
    from harness.evaluation.variants import read_variants

    row = '{"task": "sentiment", "level": "word", "perturbation": "p", "id": "d", "text": "%s"}\n'
    (tmp_path / "v.jsonl").write_text(row % "one" + row % "two", encoding="utf-8")
    with pytest.raises(UsageError, match="line 2: the id 'd' stands twice"):
        read_variants(tmp_path / "v.jsonl", [task])
