"""A text of 100,000 characters goes through the core; a square of its length would not end."""

from __future__ import annotations

import pytest

from harness.core.records import Instruction
from perturbations import find, make_variants
from perturbations.core_set import CORE

PROSE = "Read the review by {name} and decide whether it is 'positive' or 'negative', please. "
TEXTS = {
    "prose": PROSE,
    "one sentence": "the review of a movie that somebody wrote and read, ",
    "no spaces": "请判断下面这条用户评论表达的情感是正面还是负面",
    "braces": "{",
    "tags": "<a ",
    "quotes": "'a ",
    "lines": "read the text\n",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_long_text_goes_through_the_core(kind: str) -> None:
    text = (TEXTS[kind] * 100_000)[:100_000]
    made = make_variants(
        "task",
        Instruction("long", "task", text),
        perturbations=[find(name) for level in CORE.values() for name in level],
        label_words=("positive", "negative"),
        paraphrases=(),
        seed=0,
    )
    for variant in made.variants:
        assert variant.validity is not None
        assert 0 <= variant.validity.words_changed <= 1
        assert variant.validity.char_distance > 0
        assert variant.validity.protected_intact
    assert len(made.variants) >= (15 if kind == "prose" else 0)


def test_beyond_ten_thousand_characters_only_what_edits_touch_is_compared() -> None:
    text = PROSE * 200
    (variant,) = make_variants(
        "task",
        Instruction("long", "task", text),
        perturbations=[find("swap")],
        label_words=(),
        paraphrases=(),
        seed=0,
    ).variants
    assert variant.validity is not None
    changed = sum(a != b for a, b in zip(text.split(), variant.text.split(), strict=True))
    words = len(PROSE.split()) * 200
    assert variant.validity.words_changed == pytest.approx(changed / words)
    assert variant.validity.char_distance == 2 * changed
