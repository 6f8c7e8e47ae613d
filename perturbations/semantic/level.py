"""The semantic level: the same request in other words and another construction.

`paraphrase` draws from the task's hand-written bank. The others are rules that rebuild the main
sentence of any instruction, also of a user's task without a bank; they follow the linguistic
properties that Leidinger et al. 2023 (arXiv:2311.01967) vary in prompts (mood, voice, modality)
and the paraphrase types of Wahle et al. 2024 (arXiv:2406.19898).
"""

from __future__ import annotations

from random import Random
from typing import Final

from perturbations.base import Apply, Draft, Perturbation, Subject
from perturbations.diff import draft_of
from perturbations.parse import read
from perturbations.protect import keeps_protected
from perturbations.semantic.semantic_rules import RULES, Rule

_LEIDINGER: Final = "after Leidinger et al. 2023"
_WAHLE: Final = "after Wahle et al. 2024"


def paraphrase(subject: Subject, rng: Random) -> Draft | None:
    """A draft that is another text of the instruction's own bank."""
    others = [text for text in dict.fromkeys(subject.paraphrases) if text != subject.text]
    return draft_of(subject.text, rng.choice(others)) if others else None


def reword(rule: Rule) -> Apply:
    """The perturbation that applies a rule to the main sentence.

    It returns None where the sentence is not understood, where the rule does not fit it, and where
    its result would lose a protected string.
    """

    def apply(subject: Subject, rng: Random) -> Draft | None:
        reading = read(subject)
        if reading.ask is None:
            return None
        text = rule(reading, reading.ask, rng)
        draft = draft_of(subject.text, text) if text else None
        if draft is None or not keeps_protected(subject.text, draft, subject.protected):
            return None
        return draft

    return apply


def _rule(name: str, description: str, *, amount: str = "the main sentence") -> Perturbation:
    return Perturbation(
        name=name,
        level="semantic",
        description=description,
        apply=reword(RULES[name]),
        amount=amount,
        on_input=False,
    )


PARAPHRASE: Final = Perturbation(
    name="paraphrase",
    level="semantic",
    description="Another text of the task's hand-written bank, as in Sun et al. 2023.",
    apply=paraphrase,
    languages=("any",),
    amount="the whole instruction",
    on_input=False,
)
QUESTION: Final = _rule(
    "as-question", f"The command as a question to the reader ('Can you ...?'), {_LEIDINGER}."
)
REQUEST: Final = _rule(
    "as-request", f"The command as an indirect request ('I would like you to ...'), {_LEIDINGER}."
)
TASK: Final = _rule(
    "as-task",
    f"The command as a statement ('Your task is to ...'), {_LEIDINGER} (indicative mood).",
)
OBLIGATION: Final = _rule(
    "as-obligation", f"The command with a modal verb ('You must ...'), {_LEIDINGER}."
)
ACTIVITY: Final = _rule(
    "as-activity", f"The command as an activity ('This task consists of -ing ...'), {_WAHLE}."
)
NOMINAL: Final = _rule(
    "nominal", f"Verbs as nouns ('Your task is the classification of ...'), {_WAHLE}."
)
PASSIVE: Final = _rule(
    "passive", f"The command in the passive ('The text is to be classified'), {_LEIDINGER}."
)
DIRECT_QUESTION: Final = _rule(
    "as-direct-question",
    f"'Decide whether A is B' as 'Is A B?', {_LEIDINGER} (interrogative mood).",
)
WISH: Final = _rule(
    "as-wish", f"The command as a wish of ours ('We want to know ...'), {_LEIDINGER}."
)
CONDITIONAL: Final = _rule(
    "conditional", f"The command as a hypothesis ('If you had to ...'), {_LEIDINGER}."
)
FORMAL: Final = _rule("formal", f"A formal opening and formal verbs, {_WAHLE} (register).")
CASUAL: Final = _rule("casual", f"A casual opening and casual verbs, {_WAHLE} (register).")
PURPOSE_FIRST: Final = _rule(
    "purpose-first", f"'Read A and decide B' as 'To decide B, read A', {_WAHLE} (order)."
)
ANSWER_FIRST: Final = _rule(
    "answer-first",
    f"The answer's form before the task ('Answer with A or B: ...'), {_WAHLE} (order).",
    amount="the order of two parts",
)
