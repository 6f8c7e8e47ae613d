"""How the parts of other programs' files that are read must be laid out; all else may stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from harness.authoring.importers.carried import ForeignFile
from harness.authoring.importers.foreign_yaml import Tagged
from harness.tasks.yamlfile import parse_content


def _nothing(value: object) -> object:
    """Code in place of a value is no value: it is named as lost where the value is read."""
    return None if isinstance(value, Tagged) else value


def _without_code(values: object) -> object:
    if isinstance(values, list):
        return [one for one in values if not isinstance(one, Tagged)]
    return _nothing(values)


Word = Annotated[str | None, BeforeValidator(_nothing)]
Options = Annotated[dict[str, Any] | None, BeforeValidator(_nothing)]
Several = Annotated[list[dict[str, Any]] | None, BeforeValidator(_without_code)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)


class _Generation(_Shape):
    until: str | list[Any] | None = None
    max_gen_toks: int | None = None
    max_new_tokens: int | None = None


class _Chain(_Shape):
    filter: Several = None


class _Metric(_Shape):
    regexes_to_ignore: list[Any] | None = None


class LmEvalShape(_Shape):
    """The parts of lm-eval's YAML that are looked into."""

    test_split: Word = None
    validation_split: Word = None
    training_split: Word = None
    fewshot_split: Word = None
    dataset_kwargs: Options = None
    metric_list: Annotated[list[_Metric] | None, BeforeValidator(_without_code)] = None
    generation_kwargs: Annotated[_Generation | None, BeforeValidator(_nothing)] = None
    filter_list: Annotated[list[_Chain] | None, BeforeValidator(_without_code)] = None


class _Test(_Shape):
    vars: Options = None
    asserts: list[Any] | None = Field(None, alias="assert")


def _mapping(value: object) -> object:
    """What is no mapping is named as lost where it is read."""
    return value if isinstance(value, Mapping) else {}


def _listed(value: object) -> object:
    """A path in place of the tests is read later."""
    return None if isinstance(value, str) else value


_AnyTest = Annotated[_Test, BeforeValidator(_mapping)]


class PromptfooShape(_Shape):
    """The parts of promptfoo's YAML that are looked into."""

    tests: Annotated[list[_AnyTest] | None, BeforeValidator(_listed)] = None
    default_test: _AnyTest | None = Field(None, alias="defaultTest")
    templates: dict[str, Any] | None = Field(None, alias="assertionTemplates")


def check_shape(file: ForeignFile, shape: type[BaseModel]) -> None:
    """Refuse a file whose parts are not laid out as its program reads them.

    Raises:
        UsageError: a part is of another type; the message names it.
    """
    parse_content(file.content, shape, where=str(file.path))
