"""inspect's logs: `.eval`, an archive of JSON files, or one `.json`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError
from harness.logs.archive import Archive, members
from harness.logs.bounded import (
    by_example,
    items,
    mapping,
    name_of,
    number_of,
    objects,
    parse,
    read_bytes,
    text_of,
)
from harness.logs.record import Answer, Log, LogFile, Row, Scored, mean_of
from harness.results.jsonfiles import Json

VERSION: Final = 2
"""Of the log's format."""
_WORDS: Final[Mapping[str, float]] = {
    "C": 1, "P": 0.5, "I": 0, "N": 0, "yes": 1, "true": 1, "no": 0, "false": 0,
}  # fmt: skip
"""The values that inspect's scorers write as words, and what inspect takes them for."""
_ATTACHMENT: Final = "attachment://"


def read_inspect(path: Path) -> Log:
    """The log of one task.

    Args:
        path: an `.eval` or a `.json` of inspect.

    Raises:
        UsageError: it is none, it is damaged, or of another version.
        MissingPackageError: its packing needs a package that is not there.
    """
    content, file = read_bytes(path)
    if content.startswith(b"PK"):
        header, samples = _unpack(content, str(path))
    else:
        header = parse(content, str(path))
        samples = objects(header.get("samples", []), str(path))
    version = header.get("version")
    if version != VERSION:
        raise UsageError(
            f"{path} has the log version {version!r}; {VERSION} is read.",
            hint="Type: inspect log convert to write it anew with the inspect of today.",
        )
    if not samples:
        raise UsageError(
            f"{path} holds no sample: its status is {name_of(header.get('status'))!r}.",
            hint="inspect keeps them unless --no-log-samples is given.",
        )
    return _Reader(path, header, file).read(samples)


def _unpack(content: bytes, where: str) -> tuple[Json, list[Json]]:
    archive = Archive.of(content, where)
    if "header.json" not in archive.names():
        raise UsageError(
            f"{where} has no header.json: it is no log of inspect, or was never finished.",
            hint="Type: inspect log recover, or run the evaluation to its end.",
        )
    header = parse(archive.read("header.json"), f"{where}, header.json")
    names = members(archive, "samples", ".json")
    return header, [parse(archive.read(name), f"{where}, {name}") for name in names]


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    header: Json
    file: LogFile

    @property
    def facts(self) -> Json:
        """What was evaluated."""
        return mapping(self.header.get("eval"))

    def read(self, samples: Sequence[Json]) -> Log:
        """The whole log."""
        by_id = by_example(samples, "id", "epoch", lambda n: f"{self.path}: sample {n}")
        rows = tuple(_row(example, epochs) for example, epochs in by_id.items())
        task = name_of(self.facts.get("task")) or self.path.stem
        epochs = max(map(len, by_id.values()))
        return Log(
            tool="inspect",
            version=name_of(mapping(self.facts.get("packages")).get("inspect_ai")),
            model=name_of(self.facts.get("model")),
            task=task,
            name=task,
            text=self._text(task),
            metrics=self._metrics(rows),
            rows=rows,
            files=(self.file,),
            temperature=self._temperature(),
            lost=tuple(self._lost(epochs)),
            settings=self._settings(epochs),
        )

    def _metrics(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """The scorers in the order of the results, then others that samples have."""
        scores = items(mapping(self.header.get("results")).get("scores"))
        listed = [name_of(mapping(one).get("name")) for one in scores]
        named = dict.fromkeys(name for row in rows for name in row.scored)
        return tuple(dict.fromkeys((*(one for one in listed if one in named), *named)))

    def _text(self, task: str) -> str:
        """The solvers with what they were given: what inspect has for a prompt."""
        steps = map(mapping, items(mapping(self.header.get("plan")).get("steps")))
        return "\n".join(map(_step, steps)) or task

    def _settings(self, epochs: int) -> dict[str, str]:
        """What beside the solvers decides the answers."""
        found = {
            "task version": self.facts.get("task_version"),
            "task arguments": self.facts.get("task_args_passed") or None,
            "epochs": epochs if epochs > 1 else None,
        }
        return {key: text_of(value) for key, value in found.items() if value is not None}

    def _temperature(self) -> float | None:
        for config in (self.facts.get("model_generate_config"), self._plan_config()):
            if (given := number_of(mapping(config).get("temperature"))) is not None:
                return given
        return None

    def _plan_config(self) -> object:
        return mapping(self.header.get("plan")).get("config")

    def _lost(self, epochs: int) -> Iterator[str]:
        status = name_of(self.header.get("status"))
        if status != "success":
            yield f"{self.path.name} has the status {status!r}: its samples may not be all"
        reducers = items(mapping(self.facts.get("config")).get("epochs_reducer")) or ["mean"]
        if epochs > 1:
            yield f"a cell's score is the mean of {epochs} epochs; their draws are not kept apart"
        if epochs > 1 and reducers != ["mean"]:
            shown = ", ".join(map(name_of, reducers))
            yield f"the log reduces epochs by {shown}, this run by their mean"


def _step(step: Json) -> str:
    given = mapping(step.get("params_passed"))
    shown = ", ".join(f"{name}={text_of(value)}" for name, value in given.items())
    return f"{name_of(step.get('solver'))}({shown})"


def _row(example: str, epochs: Sequence[Json]) -> Row:
    first = epochs[0]
    options = tuple(text_of(one) for one in items(first.get("choices")))
    target = first.get("target")
    target = target[0] if isinstance(target, list) and target else target
    gold = _place(text_of(target), options)
    is_choice = isinstance(gold, int)
    scores = [dict(_scores(sample, options if is_choice else ())) for sample in epochs]
    names = dict.fromkeys(name for own in scores for name in own)
    return Row(
        example=example,
        input=_said(first.get("input"), first),
        gold=text_of(target) if gold is None else gold,
        scored={name: mean_of([own[name] for own in scores if name in own]) for name in names},
        prompt=_prompt(first),
        text=_completion(first),
        options=options if is_choice else (),
    )


def _scores(sample: Json, options: Sequence[str]) -> Iterator[tuple[str, Scored]]:
    """Every scorer's value; of one that has several, each under a name of its own."""
    for name, score in mapping(sample.get("scores")).items():
        value = mapping(score).get("value")
        answer = _answer(mapping(score).get("answer"), sample, options)
        if isinstance(value, dict):
            for key, part in value.items():
                yield name_of(f"{name}/{key}"), Scored(_number(part), answer)
        else:
            yield name_of(name), Scored(_number(value), answer)


def _number(value: object) -> float | None:
    """A scorer's value as inspect takes it for a number; None where it is none."""
    if isinstance(value, str):
        known = _WORDS.get(value, _WORDS.get(value.lower()))
        return number_of(value) if known is None else known
    return number_of(value)


def _answer(answer: object, sample: Json, options: Sequence[str]) -> Answer:
    if options:
        return _place(text_of(answer), options)
    said = text_of(answer) or _completion(sample)
    return said if said.strip() else None


def _place(letter: str, options: Sequence[str]) -> int | None:
    """The place of an option by its letter; None where there is no such option."""
    named = re.fullmatch(r"\s*([A-Z])\s*", letter)
    place = ord(named[1]) - ord("A") if named else -1
    return place if 0 <= place < len(options) else None


def _completion(sample: Json) -> str:
    output = mapping(sample.get("output"))
    choices = items(output.get("choices"))
    if choices:
        content = mapping(mapping(choices[0]).get("message")).get("content")
        return _said(content, sample)
    return _said(output.get("completion"), sample)


def _prompt(sample: Json) -> str:
    """What was said before the model's last answer."""
    messages = [mapping(one) for one in items(sample.get("messages"))]
    if messages and messages[-1].get("role") == "assistant":
        messages = messages[:-1]
    return "\n\n".join(_message(one, sample) for one in messages)


def _message(message: Json, sample: Json) -> str:
    return f"{name_of(message.get('role'))}: {_said(message.get('content'), sample)}"


def _said(value: object, sample: Json) -> str:
    """Texts of messages and of their parts; long ones may stand apart, as attachments."""
    if isinstance(value, list):
        parts = [mapping(one) if isinstance(one, dict) else {"text": one} for one in value]
        texts = [_said(part.get("text") or part.get("content"), sample) for part in parts]
        return "\n".join(text for text in texts if text)
    text = text_of(value)
    if text.startswith(_ATTACHMENT):
        key = text.removeprefix(_ATTACHMENT)
        return text_of(mapping(sample.get("attachments")).get(key, text))
    return text
