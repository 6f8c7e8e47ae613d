"""A report says what a semantic level is made of: rules, a bank, or a model's paraphrases."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from harness.api.running import run
from harness.metrics.variant_validity import count_sources
from tests.support.checkpoints import save_tiny_llama

TASK = {
    "name": "parity",
    "labels": ["even", "odd"],
    "label_field": "label",
    "input": "Number: {{ text }}",
    "answer_cue": "Answer:",
    "instructions": [
        {"id": "a", "style": "task", "text": "Decide whether the number is 'even' or 'odd'."}
    ],
    "source": {"rows": [{"text": str(n), "label": ("even", "odd")[n % 2]} for n in range(4)]},
}


@pytest.mark.parametrize(
    ("paraphrases", "said"),
    [
        ({}, "made by rules, which keep most words and change the construction."),
        ({"a": ["Is it 'even' or 'odd'?"]}, "and 1 variant from a paraphrase bank."),
    ],
)
def test_the_report_says_where_the_variants_come_from(
    tmp_path: Path, paraphrases: dict[str, list[str]], said: str
) -> None:
    model = save_tiny_llama(tmp_path / "tiny")
    file = tmp_path / "parity.yaml"
    file.write_text(yaml.safe_dump({**TASK, "paraphrases": paraphrases}), encoding="utf-8")
    made = run(
        str(model), tasks=str(file), levels="semantic", device="cpu", cache=False,
        scorers="loglik", out=tmp_path / "run",
    )  # fmt: skip
    kinds = made.variants["semantic_source"].value_counts().to_dict()
    assert made.summary.semantic_sources == kinds
    page = (made.path / "report.md").read_text("utf-8")
    assert said in page
    assert ("(--paraphrases)" in page) == (not paraphrases)


def test_sources_are_counted_and_clean_variants_have_none() -> None:
    variants = pd.DataFrame({"semantic_source": [None, "rules", "bank", "rules", None]})
    assert count_sources(variants) == {"rules": 2, "bank": 1}
    assert count_sources(pd.DataFrame({"level": ["clean"]})) == {}
