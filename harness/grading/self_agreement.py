"""How far a judge agrees with itself: under other phrasings of its prompt, and in both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.grading.judge import Judge, Judged, JudgeModel, fields_of


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """How far a judge agrees with itself on the same answers."""

    answers: int
    """How many answers were judged."""
    prompts: int
    """Under how many prompts, the task file's own among them."""
    between_prompts: float | None
    """Mean share of pairs of prompts that give an answer the same score; None for one prompt."""
    changed: float | None
    """Share of answers whose score some other prompt changes; None for one prompt."""
    between_orders: float | None
    """Share of answers (under all prompts) that score the same in both orders; None without one."""
    unparsed: float
    """Share of judgements without a verdict."""
    mean_scores: tuple[float, ...]
    """Mean score under each prompt, the task file's first."""


def judge_agreement(
    judge: Judge, judged: Sequence[Judged], model: JudgeModel, rephrased: Sequence[str]
) -> JudgeAgreement:
    """How far a judge agrees with itself on the same answers, its prompt phrased in other ways.

    A judgement without a verdict is a score of its own: two of them agree.

    Args:
        judge: The judge of a task.
        judged: Answers, at least one.
        model: What asks the judge.
        rephrased: Other phrasings of the judge's prompt, with the same fields.

    Example:
        >>> class Lenient:
        ...     def verdicts(self, prompts, words):
        ...         return [words[0] if "Please" in prompt else words[1] for prompt in prompts]
        >>> judge = Judge(prompt="Is {{ answer }} correct or incorrect?")
        >>> polite = f"Please: {judge.prompt}"
        >>> found = judge_agreement(judge, [Judged("", "4")], Lenient(), [polite])
        >>> found.between_prompts, found.changed, found.mean_scores
        (0.0, 1.0, (0.0, 1.0))
    """
    rows = [judge.ask(judged, model, template) for template in (judge.prompt, *rephrased)]
    scores = [[judge.score(words) for words in row] for row in rows]
    by_answer = list(zip(*scores, strict=True))
    pairs = [first == second for each in by_answer for first, second in combinations(each, 2)]
    changed = [any(score != each[0] for score in each) for each in by_answer]
    both = [len(set(judge.scores(words))) == 1 for row in rows for words in row]
    flat = [score for row in scores for score in row]
    return JudgeAgreement(
        answers=len(judged),
        prompts=len(rows),
        between_prompts=_share(pairs) if rephrased else None,
        changed=_share(changed) if rephrased else None,
        between_orders=_share(both) if judge.in_both_orders else None,
        unparsed=_share([score is None for score in flat]),
        mean_scores=tuple(sum(score or 0.0 for score in row) / len(row) for row in scores),
    )


def keeps_fields(template: str, rephrased: str, words: Mapping[str, float]) -> bool:
    """Whether another phrasing of a prompt shows the same fields and names the same verdicts.

    Example:
        >>> keeps_fields("Is {{ answer }} good or bad?", "{{ answer }}: bad, or good?", {"good": 1})
        True
    """
    same = sorted(fields_of(template)) == sorted(fields_of(rephrased))
    return same and all((word in rephrased) == (word in template) for word in words)


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values)
