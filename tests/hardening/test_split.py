"""What is held out: whole instructions where they suffice, two perturbations of each level."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.evaluation.selection import choose_perturbations
from harness.hardening.requests import control_wordings
from harness.hardening.split import (
    FEWEST_HELD,
    FEWEST_TRAINED,
    MOST_HELD,
    Wording,
    collect_wordings,
    split_perturbations,
    split_wordings,
)
from harness.tasks.load import build_task
from harness.tasks.schema import TaskSpec
from perturbations import find
from tests.support.paths import ROOT


def wordings(*sizes: int) -> list[Wording]:
    """Families of these sizes; the first of each is the instruction itself."""
    return [
        Wording(f"{family}: {number}", f"f{family}")
        for family, size in enumerate(sizes)
        for number in range(size)
    ]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 99))
def test_no_wording_is_in_both_parts_and_both_have_enough(sizes: list[int], seed: int) -> None:
    everything = wordings(*sizes)
    if len(everything) < FEWEST_TRAINED + FEWEST_HELD:
        with pytest.raises(UsageError, match="7 are needed"):
            split_wordings(everything, seed=seed)
        return
    split = split_wordings(everything, seed=seed)
    assert not set(split.trained) & set(split.held)
    assert len(split.trained) >= FEWEST_TRAINED
    assert FEWEST_HELD <= len(split.held) <= MOST_HELD
    if split.by_family:
        assert not {one.family for one in split.trained} & {one.family for one in split.held}
    else:
        assert len(split.trained) + len(split.held) == len(everything)
    assert split == split_wordings(everything, seed=seed)


def test_of_three_families_one_is_held_out_and_begins_with_its_instruction() -> None:
    split = split_wordings(wordings(9, 9, 9), seed=0)
    assert split.by_family
    (family,) = {one.family for one in split.held}
    assert [one.text for one in split.held] == [f"{family[1]}: {n}" for n in range(9)]
    assert len(split.trained) == 18


def test_of_two_families_rewordings_are_held_out_and_the_instructions_stay() -> None:
    split = split_wordings(wordings(6, 6), seed=0)
    assert not split.by_family
    assert {"0: 0", "1: 0"} <= {one.text for one in split.trained}
    assert len(split.held) == 4


def test_plain_tuning_has_two_instructions_or_one_and_its_rewording() -> None:
    first, second = control_wordings(wordings(3, 2))
    assert (first.text, second.text) == ("0: 0", "1: 0")
    first, second = control_wordings(wordings(3))
    assert (first.text, second.text) == ("0: 0", "0: 1")


def test_a_rewording_without_a_label_word_is_no_wording() -> None:
    spec = TaskSpec.model_validate(
        {
            "name": "t",
            "source": {"rows": [{"text": "a", "label": "yes"}]},
            "input": "{{ text }}",
            "labels": ["yes", "no"],
            "instructions": [{"id": "one", "text": "Is it so, yes or no?"}],
            "paraphrases": {"one": ["Say yes or no.", "Say yes.", "Is it so, yes or no?"]},
        }
    )
    found = collect_wordings(build_task(spec, ROOT / "t.yaml", data_dir=None))
    assert [one.text for one in found] == ["Is it so, yes or no?", "Say yes or no."]


def test_two_perturbations_of_each_level_are_held_out() -> None:
    chosen = choose_perturbations(levels=None, names=(), stacks=()).perturbations
    split = split_perturbations(chosen, seed=0)
    levels = {one.name: one.level for one in chosen}
    held = [levels[name] for name in split.held]
    assert sorted(held) == sorted(2 * ["character", "word", "sentence", "semantic"])
    assert not set(split.held) & set(split.trained)
    assert "paraphrase" not in {*split.held, *split.trained}
    assert split != split_perturbations(chosen, seed=1)


def test_a_level_with_one_perturbation_holds_none_out_and_none_at_all_is_an_error() -> None:
    some = [find(name) for name in ("keyboard", "swap", "synonym")]
    split = split_perturbations(some, seed=0)
    assert len(split.held) == 1
    assert set(split.held) < {"keyboard", "swap"}
    with pytest.raises(UsageError, match="no level has two"):
        split_perturbations(some[:1], seed=0)
