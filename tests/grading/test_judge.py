"""A judge: its prompt, both orders, and its agreement with itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from pydantic import ValidationError

from harness.core.errors import UsageError
from harness.grading import Grade
from harness.grading.judge import Judge, Judged
from harness.grading.self_agreement import judge_agreement, keeps_fields

PLAIN = "Q: {{ question }}\nA: {{answer}}\nRight: {{ reference }}\nIs A correct or incorrect?"
PAIR = "Q: {{ question }}\nA: {{ first }}\nB: {{ second }}\nWhich is better: A, B or tie?"
PAIRED = {"verdicts": {"A": 1, "B": 0, "tie": 0.5}, "swapped": {"A": "B", "B": "A"}}


@dataclass
class FakeJudge:
    """A judge that says what a function makes of its prompt."""

    says: Callable[[str], str | None]
    asked: list[str] = field(default_factory=list)

    def verdicts(self, prompts: Sequence[str], words: Sequence[str]) -> list[str | None]:
        self.asked += prompts
        said = [self.says(prompt) for prompt in prompts]
        assert all(word is None or word in words for word in said)
        return said


def judge(prompt: str, **options: object) -> Judge:
    return Judge.model_validate({"prompt": prompt, **options})


def test_the_prompt_shows_the_row_and_the_answer() -> None:
    asked = judge(PLAIN).prompts(Judged("2 + 2?", "4", ["4", "four"]))
    assert asked == ("Q: 2 + 2?\nA: 4\nRight: 4\nfour\nIs A correct or incorrect?",)


def test_braces_within_an_answer_fill_nothing() -> None:
    (asked,) = judge("{{ answer }} correct or incorrect? {{ reference }}").prompts(
        Judged("q", "{{ reference }} {{ x }}", ["gold"])
    )
    assert asked == "{{ reference }} {{ x }} correct or incorrect? gold"


def test_a_verdict_is_a_score_and_none_is_unparsed() -> None:
    said = {"right": "correct", "wrong": "incorrect", "odd": None}
    model = FakeJudge(lambda prompt: said[prompt.split("A: ")[1].split("\n")[0]])
    judged = [Judged("q", answer, ["x"]) for answer in ("right", "wrong", "odd")]
    assert judge(PLAIN).grade_all(judged, model) == [
        Grade(1.0, "right"),
        Grade(0.0, "wrong"),
        Grade(0.0, None),
    ]


def test_a_judge_that_favours_a_place_scores_a_half() -> None:
    model = FakeJudge(lambda _: "A")
    assert judge(PAIR, **PAIRED).grade_all([Judged("q", "mine", ["theirs"])], model) == [
        Grade(0.5, "mine")
    ]
    assert [("A: mine" in text, "B: mine" in text) for text in model.asked] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("words", "score"),
    [
        (("A", "B"), 1),
        (("B", "A"), 0),
        (("A", "A"), 0.5),
        (("tie", "tie"), 0.5),
        (("A", "tie"), 0.75),
        (("B", "tie"), 0.25),
        (("A", None), None),
        ((None, None), None),
    ],
)
def test_the_score_is_the_mean_over_both_orders(
    words: tuple[str | None, ...], score: float | None
) -> None:
    assert judge(PAIR, **PAIRED).score(words) == score


def test_agreement_with_itself_by_hand() -> None:
    # Three answers under three prompts: a gets one verdict each time, b another one once (1 of 3
    # pairs agree), c none under the last prompt (1 of 3).
    table = {
        "own a": "correct", "own b": "correct", "own c": "incorrect",
        "two a": "correct", "two b": "incorrect", "two c": "incorrect",
        "three a": "correct", "three b": "correct", "three c": None,
    }  # fmt: skip
    words = " correct or incorrect?"
    model = FakeJudge(lambda prompt: table[prompt.removesuffix(words)])
    found = judge_agreement(
        judge("own {{ answer }}" + words),
        [Judged("", answer) for answer in "abc"],
        model,
        [f"{name} {{{{ answer }}}}{words}" for name in ("two", "three")],
    )
    assert (found.answers, found.prompts, found.between_orders) == (3, 3, None)
    assert found.between_prompts == pytest.approx((3 + 1 + 1) / 9)
    assert found.changed == pytest.approx(2 / 3)
    assert found.unparsed == pytest.approx(1 / 9)
    assert found.mean_scores == pytest.approx((2 / 3, 1 / 3, 2 / 3))


def test_agreement_between_orders() -> None:
    judged = [Judged("", "good", ["x"]), Judged("", "poor", ["x"])]
    fair = FakeJudge(lambda prompt: "A" if "A: good" in prompt or "B: poor" in prompt else "B")
    biased = FakeJudge(lambda prompt: "A" if "good" in prompt else "B")
    first = judge_agreement(judge(PAIR, **PAIRED), judged, fair, [])
    assert (first.between_orders, first.between_prompts, first.changed) == (1, None, None)
    assert judge_agreement(judge(PAIR, **PAIRED), judged, biased, []).between_orders == 0


@pytest.mark.parametrize(
    ("rephrased", "kept"),
    [
        ("Correct or not? {{ question }} {{ answer }} {{ reference }} correct incorrect", True),
        ("{{ question }} {{ answer }} correct incorrect", False),
        ("{{ question }} {{ answer }} {{ reference }} {{ answer }} correct incorrect", False),
        ("{{ question }} {{ answer }} {{ reference }} right or wrong", False),
    ],
)
def test_another_phrasing_keeps_fields_and_verdicts(rephrased: str, kept: bool) -> None:
    assert keeps_fields(PLAIN, rephrased, judge(PLAIN).verdicts) is kept


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "correct or incorrect?"}, "needs {{ answer }}"),
        ({"prompt": "{{ answer }} {{ anwser }}"}, "{{ anwser }} is no field"),
        ({"prompt": "{{ first }}"}, "go together"),
        ({"prompt": "{{ first }} {{ second }} {{ answer }}"}, "go together"),
        ({"prompt": "{{ answer }}", "verdicts": {"good": 1}}, "at least 2"),
        ({"prompt": "{{ answer }}", "verdicts": {"good": 2, "bad": 0}}, "less than or equal to 1"),
        ({"prompt": "{{ answer }}", "swapped": {"A": "B"}}, "no verdict"),
        ({"prompt": "{{ answer }}", "swapped": {"correct": "incorrect"}}, "needs a prompt with"),
    ],
)
def test_a_judge_that_cannot_work_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Judge.model_validate(options)


def test_references_are_needed_where_the_prompt_shows_them() -> None:
    assert judge("{{ answer }}").problem([]) is None
    assert judge(PLAIN).problem([]) == judge(PAIR).problem([]) == "no reference"


def test_a_judge_is_not_asked_without_a_model() -> None:
    with pytest.raises(UsageError, match="needs a model to ask"):
        judge(PLAIN).grade("x", ["x"])
