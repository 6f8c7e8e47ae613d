from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import MissingPackageError, UsageError
from harness.core.records import Edit, Instruction, Variant
from perturbations import (
    Draft,
    Perturbation,
    Subject,
    VariantSet,
    clean_variant,
    find,
    find_protected,
    make_variants,
    perturb_text,
    select,
)
from perturbations.diff import draft_of, replay
from tests.support.paths import DATA
from tests.support.shipped import shipped_instructions
from tests.support.texts import LABELS, TEXTS

NATIVE = select(levels=["character", "word"]).perturbations
RECASING = {"lower-case", "upper-case"}
TEXT = "Read the review and decide whether the writer liked it. Answer 'positive' or 'negative'."
INSTRUCTION = Instruction("task-1", "task", TEXT)


def made_of(
    *perturbations: Perturbation,
    instruction: Instruction = INSTRUCTION,
    seed: int = 0,
    per_perturbation: int = 1,
    task: str = "sentiment",
) -> VariantSet:
    return make_variants(
        task,
        instruction,
        perturbations=perturbations,
        label_words=("positive", "negative"),
        paraphrases=(),
        seed=seed,
        per_perturbation=per_perturbation,
    )


def perturbation(name: str, *texts: str, level: str = "word") -> Perturbation:
    """Gives one of the texts at random."""

    def apply(subject: Subject, rng: Random) -> Draft | None:
        return draft_of(subject.text, rng.choice(texts)) if texts else None

    return Perturbation(name, level, "for tests", apply)  # type: ignore[arg-type]


def names(variants: tuple[Variant, ...]) -> list[str]:
    return [variant.perturbation for variant in variants]


def test_a_variant_carries_all_that_is_needed_to_judge_and_replay_it() -> None:
    (variant,) = made_of(find("keyboard")).variants
    assert (variant.task, variant.instruction_id, variant.index) == ("sentiment", "task-1", 0)
    assert (variant.level, variant.perturbation) == ("character", "keyboard")
    assert variant.original == TEXT
    assert variant.text == replay(TEXT, variant.edits) != TEXT
    assert variant.validity is not None
    assert variant.validity.protected_intact
    assert variant.validity.char_distance == len(variant.edits) == 3
    again = find("keyboard").apply(
        Subject(TEXT, find_protected(TEXT, ("positive", "negative"))), Random(variant.seed)
    )
    assert again is not None
    assert again.text == variant.text


def test_the_clean_variant_is_the_instruction() -> None:
    clean = clean_variant("sentiment", INSTRUCTION)
    assert (clean.level, clean.perturbation, clean.text) == ("clean", "clean", TEXT)
    assert clean.edits == ()
    assert clean.id != made_of(find("keyboard")).variants[0].id


def test_variants_come_in_the_given_order_each_perturbation_with_its_indices() -> None:
    made = made_of(find("swap"), find("keyboard"), per_perturbation=3)
    assert names(made.variants) == ["swap"] * 3 + ["keyboard"] * 3
    assert [variant.index for variant in made.variants] == [0, 1, 2] * 2
    assert len({variant.text for variant in made.variants}) == 6
    assert len({variant.id for variant in made.variants}) == 6


def test_the_same_seed_gives_the_same_variants_and_another_gives_others() -> None:
    assert made_of(*NATIVE) == made_of(*NATIVE)
    pairs = zip(made_of(*NATIVE).variants, made_of(*NATIVE, seed=1).variants, strict=True)
    assert sum(a.text != b.text for a, b in pairs) > len(NATIVE) / 2


def test_a_variant_depends_neither_on_the_others_nor_on_their_order_or_number() -> None:
    forwards = {variant.id: variant for variant in made_of(*NATIVE).variants}
    backwards = {variant.id: variant for variant in made_of(*reversed(NATIVE)).variants}
    assert forwards == backwards
    alone = [v for one in NATIVE for v in made_of(one).variants]
    assert {variant.id: variant for variant in alone} == forwards
    many = made_of(*NATIVE, per_perturbation=3).variants
    assert {variant.id: variant for variant in many if variant.index == 0} == forwards


def test_task_instruction_and_perturbation_each_draw_for_themselves() -> None:
    keyboard = find("keyboard")
    renamed = Perturbation("other", keyboard.level, "d", keyboard.apply)
    texts = {
        made_of(keyboard).variants[0].text,
        made_of(renamed).variants[0].text,
        made_of(keyboard, task="other").variants[0].text,
        made_of(keyboard, instruction=Instruction("task-2", "task", TEXT)).variants[0].text,
    }
    assert len(texts) == 4


def test_what_changes_nothing_is_counted() -> None:
    unchanged = Perturbation("same", "word", "d", lambda subject, _: Draft(subject.text, ()))
    made = made_of(perturbation("none"), unchanged, perturbation("empty", " "), per_perturbation=2)
    assert made.variants == ()
    assert made.no_ops == {"none": 2, "same": 2, "empty": 2}
    assert made.duplicates == {}


def test_a_draw_that_repeats_an_earlier_index_is_drawn_again() -> None:
    made = made_of(perturbation("coin", "heads", "tails"), per_perturbation=2)
    assert {variant.text for variant in made.variants} == {"heads", "tails"}
    assert made.duplicates == {}


def test_what_repeats_after_all_draws_is_counted() -> None:
    made = made_of(perturbation("coin", "heads", "tails"), per_perturbation=5)
    assert {variant.text for variant in made.variants} == {"heads", "tails"}
    assert made.duplicates == {"coin": 3}


def test_a_chance_of_nothing_is_drawn_again() -> None:
    coin = Perturbation(
        "coin",
        "word",
        "d",
        lambda subject, rng: rng.choice([None, Draft("x", (Edit(0, 1, "R", "x"),))]),
    )
    made = make_variants(
        "t",
        Instruction("i", "task", "R"),
        perturbations=[coin],
        label_words=(),
        paraphrases=(),
        seed=3,
    )
    assert [variant.text for variant in made.variants] == ["x"]


def test_of_two_perturbations_with_one_text_the_lower_level_keeps_it_in_any_order() -> None:
    word, character = perturbation("a", "same"), perturbation("b", "same", level="character")
    for order in ((word, character), (character, word)):
        made = made_of(*order)
        assert names(made.variants) == ["b"]
        assert made.duplicates == {"a": 1}


def test_edits_that_do_not_lead_to_the_text_are_refused_by_name() -> None:
    broken = Perturbation("broken", "word", "d", lambda s, r: Draft("x", ()))
    with pytest.raises(UsageError, match="'broken' gave edits"):
        made_of(broken)
    with pytest.raises(UsageError, match="'broken' gave edits"):
        perturb_text("text", broken, seed=0)


def test_paraphrases_and_others_reach_the_perturbation() -> None:
    seen: list[Subject] = []
    spy = Perturbation("spy", "semantic", "d", lambda subject, _: seen.append(subject))
    make_variants(
        "t",
        INSTRUCTION,
        perturbations=[spy],
        label_words=["no"],
        paraphrases=["p"],
        others=["o"],
        seed=0,
    )
    subject = seen[0]
    assert (subject.paraphrases, subject.others, subject.label_words) == (("p",), ("o",), ("no",))
    assert [span.reason for span in subject.protected] == ["quotation", "quotation"]


def test_similarity_is_measured_where_an_encoder_is_given() -> None:
    made = make_variants(
        "t",
        INSTRUCTION,
        perturbations=[find("swap")],
        label_words=(),
        paraphrases=(),
        seed=0,
        similarity=lambda original, text: 0.5,
    )
    assert made.variants[0].validity is not None
    assert made.variants[0].validity.similarity == 0.5


def test_an_input_is_perturbed_by_its_seed() -> None:
    keyboard = find("keyboard")
    assert perturb_text(TEXT, keyboard, 1) == perturb_text(TEXT, keyboard, 1)
    assert perturb_text(TEXT, keyboard, 1) != perturb_text(TEXT, keyboard, 2)
    assert perturb_text("", keyboard, 1) is None
    assert perturb_text("12 ... 34", keyboard, 1) is None


@pytest.mark.parametrize("one", NATIVE, ids=lambda one: one.name)
@settings(max_examples=20)
@given(text=TEXTS, seed=st.integers(0, 2**64))
def test_any_text_is_changed_reproducibly_and_its_protected_spans_are_not(
    one: Perturbation, text: str, seed: int
) -> None:
    draft = perturb_text(text, one, seed, LABELS)
    assert draft == perturb_text(text, one, seed, LABELS)
    if draft is None:
        return
    assert draft.text != text
    assert replay(text, draft.edits) == draft.text
    assert all(edit.before == text[edit.start : edit.end] for edit in draft.edits)
    for span in find_protected(text, LABELS):
        if one.name not in RECASING or span.reason not in ("negation", "number"):
            touching = [e for e in draft.edits if e.start < span.end and e.end > span.start]
            assert touching == []


@pytest.mark.parametrize("one", NATIVE, ids=lambda one: one.name)
def test_every_shipped_instruction_is_changed_and_its_label_words_are_not(
    one: Perturbation,
) -> None:
    for row in shipped_instructions():
        made = make_variants(
            row.task,
            row.instruction,
            perturbations=[one],
            label_words=row.label_words,
            paraphrases=(),
            seed=11,
        )
        for variant in made.variants:
            assert variant.validity is not None
            assert variant.validity.protected_intact, variant.text
            assert variant.text == replay(variant.original, variant.edits) != variant.original


@pytest.mark.parametrize(
    "name", ["wordnet", "counterfitted", "promptbench:checklist", "promptbench:stresstest"]
)
def test_what_needs_data_keeps_what_is_protected_as_well(name: str, data_dir: Path) -> None:
    try:
        (one,) = select(names=[name], data_dir=data_dir).perturbations
    except MissingPackageError as error:
        pytest.skip(str(error))
    for row in shipped_instructions():
        made = make_variants(
            row.task,
            row.instruction,
            perturbations=[one],
            label_words=row.label_words,
            paraphrases=(),
            seed=3,
        )
        assert all(v.validity and v.validity.protected_intact for v in made.variants)


_PRINT_VARIANTS = """
import json, sys
from pathlib import Path
from harness.core.records import Instruction
from perturbations import REGISTRY, find, make_variants
from perturbations.resources import missing_need
text, folder, order = sys.argv[1:]
data_dir = Path(folder) if folder else None
def needs_nothing(one):
    return not any(missing_need(n, data_dir=data_dir, needed_for=one.name) for n in one.needs)
chosen = [one.with_data(data_dir) for one in map(find, REGISTRY.names()) if needs_nothing(one)]
chosen = [*chosen, find("keyboard+politeness")]
if order == "backward":
    chosen.reverse()
groups = [[one] for one in chosen] if order == "alone" else [chosen]
made = [
    make_variants(
        "sst2", Instruction("i", "task", text), perturbations=group, label_words=("positive",),
        paraphrases=("Is it positive?",), others=("Say positive.",), seed=5, per_perturbation=2,
    )
    for group in groups
]
print(json.dumps(sorted([v.id, v.perturbation, v.text] for m in made for v in m.variants)))
"""


def _variants_in_a_process(hash_seed: str, data_dir: Path | None, order: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_VARIANTS, TEXT, str(data_dir or ""), order],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_variants_are_the_same_under_any_hash_seed_in_any_order_and_alone() -> None:
    folder = DATA if DATA.is_dir() else None
    first = _variants_in_a_process("0", folder, "forward")
    assert _variants_in_a_process("1", folder, "backward") == first
    together, alone = json.loads(first), json.loads(_variants_in_a_process("2", folder, "alone"))
    # Together, a text that two perturbations give is kept once.
    assert [one for one in together if one not in alone] == []
    names = {name for _, name, _ in together}
    assert names >= {"keyboard+politeness", "tautology", "as-question", "paraphrase"}
    assert len(together) > 100


def test_nothing_heavy_is_imported() -> None:
    probe = (
        "import sys, perturbations; perturbations.select(levels=['all']);"
        "print([name for name in ('torch', 'numpy', 'transformers', 'pandas', 'lemminflect',"
        " 'scipy', 'promptbench', 'textattack') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_more_variants_than_there_can_be_are_refused_before_they_are_looked_for() -> None:
    with pytest.raises(UsageError, match="1,000 at most"):
        made_of(perturbation("one", "Another text."), per_perturbation=10**12)
