from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UnknownNameError, UsageError
from harness.core.records import Edit
from perturbations import Draft, Perturbation, Subject, find, find_protected, perturb_text
from perturbations.diff import replay
from perturbations.stack import compose, stack
from tests.support.shipped import shipped_instructions
from tests.support.texts import LABELS, TEXTS


@st.composite
def edits_of(draw: st.DrawFn, text: str) -> tuple[Edit, ...]:
    """Sorted edits of a text that do not overlap, insertions and deletions among them."""
    size = 2 * draw(st.integers(0, 3))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), min_size=size, max_size=size)))
    pairs = zip(cuts[::2], cuts[1::2], strict=True)
    # A deletion up to where an insertion stands is as good as one edit; sorting keeps them apart.
    return tuple(
        Edit(start, end, text[start:end], draw(st.text(alphabet="xyz ", max_size=3)))
        for start, end in pairs
    )


@given(st.data(), st.text(alphabet="abc ", max_size=15))
def test_composed_edits_replay_both(data: st.DataObject, original: str) -> None:
    first = data.draw(edits_of(original))
    middle = replay(original, first)
    then = data.draw(edits_of(middle))
    composed = compose(original, first, then)
    assert replay(original, composed) == replay(middle, then)
    assert all(edit.before == original[edit.start : edit.end] for edit in composed)
    assert all(a.end < b.start for a, b in pairwise(composed))


def test_composed_edits_leave_what_both_leave() -> None:
    first = (Edit(0, 1, "a", "x"),)
    then = (Edit(5, 6, "f", "y"),)
    assert compose("abcdef", first, then) == (*first, *then)


def test_an_edit_of_an_insertion_becomes_one_insertion() -> None:
    assert compose("ab", [Edit(1, 1, "", "xyz")], [Edit(2, 3, "y", "")]) == (Edit(1, 1, "", "xz"),)


def test_a_stack_applies_its_parts_from_left_to_right() -> None:
    both = find("lower-case+punctuation-repeat")
    draft = perturb_text("Classify the review.", both, seed=1)
    assert draft is not None
    assert draft.text == "classify the review..."
    assert draft.edits == (Edit(0, 8, "Classify", "classify"), Edit(20, 20, "", ".."))


def test_a_stack_takes_the_highest_level_and_says_what_its_parts_say() -> None:
    both = stack(" misspelling + keyboard ")
    assert both.name == "misspelling+keyboard"
    assert both.level == "word"
    assert "misspelt" in both.description
    assert "QWERTY" in both.description
    assert both.amount.count("1 ") >= 2
    assert both.on_input


def test_a_stack_is_for_inputs_only_if_every_part_is() -> None:
    fixed = Perturbation("fixed", "sentence", "d", lambda s, r: None, on_input=False, needs=("x",))
    parts = {"fixed": fixed, "swap": find("swap")}
    both = stack("swap+fixed", parts.__getitem__)
    assert (both.on_input, both.needs, both.level) == (False, ("x",), "sentence")


def test_a_stack_changes_nothing_where_one_part_does_not() -> None:
    assert perturb_text("read the review", find("keyboard+expansion"), seed=1) is None


@pytest.mark.parametrize("spec", ["keyboard", "keyboard+", "+", "a++b"])
def test_a_stack_of_one_is_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="two perturbations or more"):
        stack(spec)


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(UnknownNameError, match="keybord"):
        find("swap+keybord")


def test_what_a_part_adds_is_protected_from_the_next() -> None:
    def add(subject: Subject, rng: Random) -> Draft:
        end = len(subject.text)
        return Draft(f"{subject.text} not positive", (Edit(end, end, "", " not positive"),))

    parts = {"add": Perturbation("add", "sentence", "d", add), "upper": find("upper-case")}
    draft = perturb_text("say it", stack("add+upper", parts.__getitem__), 1, ("positive",))
    assert draft is not None
    assert draft.text == "SAY IT NOT positive"


@given(TEXTS, st.integers(0, 99))
def test_edits_of_a_stack_replay_and_keep_what_is_protected(text: str, seed: int) -> None:
    draft = perturb_text(text, find("spacing+keyboard+word-order+drop"), seed, LABELS)
    if draft is not None:
        assert replay(text, draft.edits) == draft.text
        for span in find_protected(text, LABELS):
            assert text[span.start : span.end] in draft.text


def test_stacks_apply_to_shipped_instructions() -> None:
    both = find("keyboard+word-repeat")
    for row in shipped_instructions():
        draft = perturb_text(row.instruction.text, both, 5, row.label_words)
        assert draft is not None
        assert replay(row.instruction.text, draft.edits) == draft.text
