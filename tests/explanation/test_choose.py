"""Which cells are explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import pytest

from harness.core.errors import UnknownNameError, UsageError
from harness.explanation.choose import Choice, Pair, choose_pairs

EXAMPLES = [f"e{n}" for n in range(40)]


def frame(wrong: Mapping[str, Sequence[str]], tasks: Sequence[str] = ("t",)) -> pd.DataFrame:
    """A run of two variants per level, wrong on some examples; the clean instruction never is."""
    rows = []
    for task in tasks:
        for level in ("clean", "character", "word"):
            for number in range(1 if level == "clean" else 2):
                variant = f"{task}-{level}-{number}"
                for example in EXAMPLES:
                    right = example not in wrong.get(variant, ())
                    answer = "good" if right else "bad"
                    rows.append((variant, example, task, level, "i", "good", answer, float(right)))
    columns = ["variant_id", "example_id", "task", "level", "instruction_id", "gold"]
    return pd.DataFrame(rows, columns=[*columns, "prediction", "score"])


def worst(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    return [(pair.variant_id, pair.example_id) for pair in pairs if pair.is_worst]


def test_flips_come_from_each_levels_worst_variant_in_turn() -> None:
    wrong = {
        "t-character-0": ["e1"], "t-character-1": ["e2", "e3", "e4"], "t-word-0": ["e5", "e6"],
    }  # fmt: skip
    pairs = choose_pairs(frame(wrong), Choice(worst=4, sample=1), ())
    variants = [variant for variant, _ in worst(pairs)]
    assert variants == ["t-character-1", "t-word-0", "t-character-1", "t-word-0"]
    assert {pair.clean_id for pair in pairs} == {"t-clean-0"}


def test_a_sample_has_as_many_of_each_level_on_few_examples() -> None:
    pairs = choose_pairs(frame({}), Choice(worst=20, sample=40), ())
    assert len(pairs) == 40
    assert not any(pair.is_worst for pair in pairs)
    levels = [pair.variant_id.split("-")[1] for pair in pairs]
    assert levels.count("word") == levels.count("character") == 20
    assert len({pair.example_id for pair in pairs}) <= 16


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    table = frame({})
    draw = [choose_pairs(table, Choice(sample=10, seed=seed), ()) for seed in (0, 0, 1)]
    assert draw[0] == draw[1] != draw[2]
    shuffled = choose_pairs(table.sample(frac=1, random_state=0), Choice(sample=10), ())
    assert shuffled == draw[0]


def test_a_flip_that_is_drawn_too_counts_for_the_means() -> None:
    table = frame({"t-word-0": EXAMPLES})
    pairs = choose_pairs(table, Choice(worst=3, sample=500), ())
    assert len(pairs) == 160
    assert [pair.is_sampled for pair in pairs[:3]] == [True] * 3
    few = choose_pairs(table, Choice(worst=40, sample=1), ())
    assert sum(pair.is_sampled for pair in few) == 1


def test_named_cells_are_explained_and_no_other() -> None:
    pairs = choose_pairs(frame({}), Choice(variant_ids=("t-word-1",), example_ids=("e3", "e4")), ())
    assert {(pair.variant_id, pair.example_id) for pair in pairs} == {
        ("t-word-1", "e3"), ("t-word-1", "e4"),
    }  # fmt: skip
    with pytest.raises(UnknownNameError, match=r"unknown variant 't-wrod-1'\. Did you mean"):
        choose_pairs(frame({}), Choice(variant_ids=("t-wrod-1",)), ())


def test_free_text_flips_where_right_becomes_wrong() -> None:
    table = frame({"t-word-0": ["e1"]})
    table.loc[table["variant_id"] == "t-word-1", "prediction"] = "great"  # right all the same
    pairs = choose_pairs(table, Choice(worst=9, sample=1), {"t"})
    assert worst(pairs) == [("t-word-0", "e1")]


def test_a_clean_run_has_nothing_to_explain() -> None:
    table = frame({})
    with pytest.raises(UsageError, match="no perturbed cell"):
        choose_pairs(table[table["level"] == "clean"], Choice(), ())
