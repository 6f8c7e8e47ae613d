"""The sentence level: what stands around the request and how it is laid out.

Sources: CheckList (Ribeiro et al. 2020, arXiv:2005.04118); StressTest (Naik et al. 2018,
arXiv:1806.00692); irrelevant context (Shi et al. 2023, arXiv:2302.00093); politeness (Yin et al.
2024, arXiv:2402.14531); EmotionPrompt (Li et al. 2023, arXiv:2307.11760); personas (Zheng et al.
2024, arXiv:2311.10054); the instruction's position (Liu et al. 2023, arXiv:2308.12097);
FormatSpread (Sclar et al. 2024, arXiv:2310.11324).
"""

from __future__ import annotations

from typing import Final

from perturbations.base import Apply, Perturbation
from perturbations.sentence.additions import (
    add_irrelevant,
    add_persona,
    add_sentence,
    add_string,
    add_tautology,
    random_handle,
    random_string,
    random_url,
)
from perturbations.sentence.layout import (
    add_heading,
    change_case,
    list_labels,
    reorder,
    separate,
    space,
)

_CHECKLIST: Final = "CheckList (Ribeiro et al. 2020)"
_FORMATSPREAD: Final = "after FormatSpread (Sclar et al. 2024)"
_EMOTION: Final = "after EmotionPrompt (Li et al. 2023)"


def _addition(
    name: str,
    description: str,
    apply: Apply,
    *,
    amount: str = "1 sentence",
    on_input: bool = True,
    languages: tuple[str, ...] = ("en",),
) -> Perturbation:
    return Perturbation(
        name, "sentence", description, apply, languages, amount=amount, on_input=on_input
    )


def _layout(name: str, description: str, apply: Apply, *, amount: str) -> Perturbation:
    return Perturbation(
        name, "sentence", description, apply, languages=("any",), amount=amount, on_input=False
    )


CHECKLIST_RANDOM: Final = _addition(
    "checklist-random",
    f"A string of ten random letters and digits at the beginning or end, {_CHECKLIST}.",
    add_string(random_string),
    amount="1 string",
    languages=("any",),
)
CHECKLIST_HANDLE: Final = _addition(
    "checklist-handle",
    f"A random Twitter handle at the beginning or end, {_CHECKLIST}.",
    add_string(random_handle),
    amount="1 string",
    languages=("any",),
)
CHECKLIST_URL: Final = _addition(
    "checklist-url",
    f"A random shortened URL at the beginning or end, {_CHECKLIST}.",
    add_string(random_url),
    amount="1 string",
    languages=("any",),
)
TAUTOLOGY: Final = _addition(
    "tautology",
    "'and true is true' or its like ends the last sentence, StressTest (Naik et al. 2018).",
    add_tautology,
    amount="1 clause",
)
IRRELEVANT_BEFORE: Final = _addition(
    "irrelevant-before",
    "A sentence on something else at the beginning, after Shi et al. 2023.",
    add_irrelevant("before"),
)
IRRELEVANT_BETWEEN: Final = _addition(
    "irrelevant-between",
    "A sentence on something else between two sentences, after Shi et al. 2023.",
    add_irrelevant("between"),
)
IRRELEVANT_AFTER: Final = _addition(
    "irrelevant-after",
    "A sentence on something else at the end, after Shi et al. 2023.",
    add_irrelevant("after"),
)
POLITENESS: Final = _addition(
    "politeness",
    "A polite sentence at the beginning or end, after Yin et al. 2024.",
    add_sentence("politeness"),
    on_input=False,
)
URGENCY: Final = _addition(
    "urgency",
    f"A sentence that urges haste at the beginning or end, {_EMOTION}.",
    add_sentence("urgency"),
    on_input=False,
)
ENCOURAGEMENT: Final = _addition(
    "encouragement",
    f"A sentence that stresses or encourages at the beginning or end, {_EMOTION}.",
    add_sentence("encouragement"),
    on_input=False,
)
PERSONA: Final = _addition(
    "persona",
    "A role that does not bear on the task at the beginning, after Zheng et al. 2024.",
    add_persona,
    on_input=False,
)
REORDER: Final = _layout(
    "reorder",
    "The request to answer in a form stands before the task, after Liu et al. 2023.",
    reorder,
    amount="1 sentence moved",
)
FORMAT_SEPARATOR: Final = _layout(
    "format-separator",
    f"Another separator between sentences, {_FORMATSPREAD}.",
    separate,
    amount="every gap between sentences",
)
FORMAT_SPACING: Final = _layout(
    "format-spacing",
    f"Two spaces between words or a space before each mark, {_FORMATSPREAD}.",
    space,
    amount="every gap between words or before marks",
)
FORMAT_CASING: Final = _layout(
    "format-casing",
    f"Every word capitalized, or each sentence's first word in another case, {_FORMATSPREAD}.",
    change_case,
    amount="every word or every sentence's first",
)
FORMAT_HEADING: Final = _layout(
    "format-heading",
    f"A heading such as 'Instruction:' in varied case and separator, {_FORMATSPREAD}.",
    add_heading,
    amount="1 heading",
)
FORMAT_LIST: Final = _layout(
    "format-list",
    f"The label words that end a sentence as a bulleted list, {_FORMATSPREAD}.",
    list_labels,
    amount="1 list",
)
