"""A small task file and its rows: what is mutated."""

from __future__ import annotations

from typing import Final

from tests.support.victims import INSTRUCTION

TASK: Final = f"""
name: mood
description: Whether a film is good.
source: {{file: rows.jsonl}}
label_field: label
input: "Review: {{{{ text }}}}"
answer_cue: "Sentiment:"
labels:
  - {{name: negative, word: negative}}
  - {{name: positive, word: positive}}
instructions:
  - {{id: a, style: task, text: "{INSTRUCTION}"}}
  - {{id: b, style: role, text: "You are a critic. Is this 'positive' or 'negative'?"}}
paraphrases:
  a: ["Is the sentiment of this review 'positive' or 'negative'?"]
"""
ROWS: Final = [
    {
        "text": f"a {('bad', 'good')[n % 2]} film number {n}",
        "label": ("negative", "positive")[n % 2],
    }
    for n in range(12)
]
