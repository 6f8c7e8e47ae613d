"""The `answer:` part of a task file: what is read out of a text, and how it is graded."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field, PlainValidator, StringConstraints

from harness.core.errors import nearest_hint
from harness.core.plain_numbers import PlainNumbers
from harness.grading.bleu import Bleu
from harness.grading.chrf import ChrF
from harness.grading.contains import Contains
from harness.grading.exact import Exact
from harness.grading.extract import Extraction
from harness.grading.json_fields import JsonFields
from harness.grading.json_schema import JsonSchema
from harness.grading.judge import Judge
from harness.grading.label_set import LabelSet
from harness.grading.numeric import Numeric
from harness.grading.plugin import Plugin
from harness.grading.regex_group import RegexGroup
from harness.grading.rouge import Rouge
from harness.grading.token_f1 import TokenF1

Text = Annotated[str, StringConstraints(min_length=1)]

AnyGrader = (
    Exact | Contains | TokenF1 | Numeric | RegexGroup
    | JsonFields | JsonSchema | Bleu | ChrF | Rouge | LabelSet | Judge | Plugin
)  # fmt: skip
"""A grader with its options."""

GRADERS: Final[dict[str, type[AnyGrader]]] = {
    "exact": Exact,
    "contains": Contains,
    "token_f1": TokenF1,
    "numeric": Numeric,
    "regex": RegexGroup,
    "json_fields": JsonFields,
    "json_schema": JsonSchema,
    "bleu": Bleu,
    "chrf": ChrF,
    "rouge": Rouge,
    "label_set": LabelSet,
    "judge": Judge,
}
"""The graders that are shipped, by the name that a task file gives them."""


def parse_grader(given: object) -> AnyGrader:
    """The grader of a name, or of a mapping with its name and options.

    A name that is not shipped is a plug-in's; whether there is one is seen when it is made.

    Example:
        >>> parse_grader("exact"), parse_grader({"name": "numeric", "relative": 0.01}).relative
        (Exact(name='exact', language='en', normalize='squad'), 0.01)
    """
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, dict):
        if isinstance(given, AnyGrader):
            return given
        raise ValueError("a grader is a name, or a mapping of its name and options")
    name = given.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError(f"a grader needs a name, such as {', '.join(list(GRADERS)[:4])}")
    grader = GRADERS.get(name, Plugin)
    _check_options(name, grader, given)
    return grader.model_validate(given)


def _check_options(name: str, grader: type[AnyGrader], given: dict[object, object]) -> None:
    if grader is Plugin:
        return
    known = [field.alias or key for key, field in grader.model_fields.items()]
    for option in given:
        if option not in known:
            others = ", ".join(one for one in known if one != "name")
            raise ValueError(
                f"the grader {name} has no option {option!r}.{nearest_hint(str(option), known)} "
                f"It has: {others}"
            )


class AnswerSpec(PlainNumbers):
    """Free text that is graded against one or more references per row.

    Example:
        >>> AnswerSpec.model_validate({"grader": "exact"}).grader
        Exact(name='exact', language='en', normalize='squad')
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    field: Text = "answer"
    """The field of a row that holds its reference: a text, a number, or a list of them, any one
    of which is right."""
    grader: Annotated[
        AnyGrader, PlainValidator(parse_grader, json_schema_input_type=Text | AnyGrader)
    ]
    """How a text is scored: a grader's name, or a mapping of its name and options."""
    extract: Extraction = "none"
    """What is read before grading: `none` (the whole text), `final` (the final answer),
    `last_number`, or `{regex: …}` with one group."""
    strip_reasoning: bool = True
    """Whether `<think>…</think>` and its like, also unclosed, are left out first."""
    stop: tuple[Text, ...] = ()
    """Texts at which generation ends; they are not part of the answer."""
    max_new_tokens: Annotated[int, Field(ge=1)] = 64
    """Tokens after which generation ends."""
