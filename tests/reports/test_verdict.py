"""Gate verdicts as Markdown and as JUnit XML."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from harness.comparison import run_data
from harness.core.errors import UnknownNameError
from harness.gate.judge import judge
from harness.gate.policy import Policy
from harness.gate.verdict import Check, Verdict
from reports import VERDICT_FORMATS, write_verdict
from reports.github import render_verdict_markdown
from reports.junit import render_verdict_junit
from tests.support.make_run import make_run

VERDICT = Verdict(
    candidate="tuned",
    baseline="base",
    scorer="loglik",
    confidence=0.95,
    strict=False,
    checks=(
        Check(1, "accuracy", "word", None, "min", 0.7, 0.0, "pass", "fine", 0.8, (0.75, 0.85)),
        Check(2, "drop", "word", "topic", "max", 0.05, 0.01, "fail", "too high", 0.2, (0.1, 0.3)),
        Check(3, "drop", "word", None, "max", 0.05, 0.0, "not-enough-data", "more", 0.05),
        Check(4, "kappa", "clean", None, "min", 0.5, 0.0, "missing", "undefined here"),
    ),
)


def outcomes(text: str) -> list[str]:
    suite = ElementTree.fromstring(text)[0]
    return [next((part.tag for part in case if part.tag != "system-out"), "pass") for case in suite]


def test_junit_fails_what_fails_the_gate() -> None:
    assert outcomes(render_verdict_junit(VERDICT)) == ["pass", "failure", "skipped", "failure"]
    strict = replace(VERDICT, strict=True)
    assert outcomes(render_verdict_junit(strict)) == ["pass", "failure", "failure", "failure"]


def test_junit_counts_agree_with_its_cases() -> None:
    suite = ElementTree.fromstring(render_verdict_junit(VERDICT))[0]
    counts = [suite.attrib[name] for name in ("tests", "failures", "skipped")]
    assert counts == ["4", "2", "1"]
    assert suite[1].attrib["name"] == "drop / word / topic: max 0.05"
    failure = suite[1].find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "too high"


def test_markdown_puts_what_failed_first_and_says_why() -> None:
    text = render_verdict_markdown(VERDICT)
    assert text.startswith("## Robustness gate failed: tuned against base\n")
    assert "4 checks, 1 failed, 1 missing, 1 without enough data, 1 passed" in text
    rows = [line for line in text.splitlines() if line.startswith(("| ✅", "| ❌", "| ⚠️"))]
    assert [row.split("|")[2].strip() for row in rows] == [
        "drop / word / topic",
        "kappa / clean",
        "drop / word",
        "accuracy / word",
    ]
    assert "max 0.05 ± 0.01 | 0.200 | [0.100, 0.300]" in rows[0]
    assert "- **drop / word / topic**: too high" in text


def test_too_little_data_under_a_strict_policy_is_no_failure_of_the_model() -> None:
    undecided = replace(VERDICT, checks=VERDICT.checks[2:3], strict=True)
    text = render_verdict_markdown(undecided)
    assert text.startswith("## Robustness gate undecided: tuned against base\n")


def test_a_passed_gate_needs_no_reasons() -> None:
    text = render_verdict_markdown(replace(VERDICT, checks=VERDICT.checks[:1], baseline=None))
    assert text.startswith("## Robustness gate passed: tuned\n")
    assert "\n- " not in text


def test_a_judged_run(tmp_path: Path) -> None:
    policy = Policy.model_validate(
        {"rules": [{"metric": "drop", "max": 0.01}, {"metric": "accuracy", "max_drop": 0.5}]}
    )
    candidate = make_run("runs/tuned", model="tuned", strength=0.1)
    verdict = judge(policy, run_data(make_run()), run_data(candidate), resamples=100)
    for form in VERDICT_FORMATS:
        write_verdict(verdict, form, tmp_path / form)
    assert (tmp_path / "md").read_text(encoding="utf-8").startswith("## Robustness gate failed")
    found = outcomes((tmp_path / "junit").read_text(encoding="utf-8"))
    assert found.count("failure") == verdict.count("fail") >= 1
    with pytest.raises(UnknownNameError, match="report format 'html'"):
        write_verdict(verdict, "html", tmp_path / "html")


def test_hostile_names_stay_text() -> None:
    name = '"/><failure/>\x00\x1b]]>|<b>'
    hostile = replace(VERDICT, candidate=name, checks=(replace(VERDICT.checks[1], message=name),))
    root = ElementTree.fromstring(render_verdict_junit(hostile))
    assert len(root[0]) == 1
    text = render_verdict_markdown(hostile)
    assert "<b>" not in text
    assert "\x00" not in text
