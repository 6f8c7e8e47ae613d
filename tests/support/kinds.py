"""Small tasks whose answers are options of a row or free text."""

from __future__ import annotations

from random import Random
from typing import Any, Final

CITIES: Final = ("Paris", "Rome", "Oslo", "Bern", "Cairo", "Lima", "Quito", "Delhi")
INSTRUCTIONS: Final = (
    "Answer the question about the city with its letter.",
    "Read the question. Give the answer and nothing else.",
)


def choice_task(rows: int = 10, **choices: Any) -> dict[str, Any]:
    """A task of three or four options per row, the right one said in all three ways."""
    rng = Random(3)
    return {
        "name": "city",
        "input": "Question: {{ question }}",
        "answer_cue": "Answer:",
        "instructions": list(INSTRUCTIONS),
        "choices": choices or {"field": "choices"},
        "source": {"rows": [_choice_row(rng, number) for number in range(rows)]},
    }


def answer_task(rows: int = 10, **answer: Any) -> dict[str, Any]:
    """A task of free text with one or two references per row."""
    rng = Random(4)
    return {
        "name": "free",
        "input": "Question: {{ question }}",
        "answer_cue": "Answer:",
        "instructions": list(INSTRUCTIONS),
        "answer": {"grader": "exact", "max_new_tokens": 6, **answer},
        "source": {
            "rows": [
                {"question": f"which city is number {number}?", "answer": rng.sample(CITIES, 2)}
                for number in range(rows)
            ]
        },
    }


def _choice_row(rng: Random, number: int) -> dict[str, Any]:
    options = rng.sample(CITIES, 3 + number % 2)
    right = rng.randrange(len(options))
    said = ("ABCD"[right], right, options[right])[number % 3]
    return {"question": f"which city is number {number}?", "choices": options, "answer": said}
