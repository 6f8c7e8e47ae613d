"""lm-eval's samples: `samples_TASK_DATE.jsonl`, and the `results_DATE.json` beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import UsageError
from harness.logs.bounded import (
    by_example,
    items,
    mapping,
    name_of,
    number_of,
    read_lines,
    read_object,
    text_of,
)
from harness.logs.record import Answer, Log, LogFile, Row, Scored
from harness.results.jsonfiles import Json

_DATED: Final = re.compile(r"samples_(?P<task>.+?)(?P<date>_\d{4}-\d\d-\d\dT[\d.-]+)?\.jsonl")
_UNREAD: Final = frozenset({"[invalid]", "[no match]", ""})
"""What lm-eval's filters say where they found no answer."""
_OTHERWISE: Final = "(something else)"
"""The answer of a model whose likeliest text is not the target: the log does not have it."""


def read_lm_eval(path: Path) -> Log:
    """The log of one task.

    Args:
        path: the file of samples.

    Raises:
        UsageError: it is none, or it is damaged.
    """
    samples, file = read_lines(path)
    if not {"doc", "target", "resps"} <= set(samples[0]):
        raise UsageError(
            f"{path}, line 1: not a sample of lm-eval: it has no doc, target and resps.",
            hint="Such a file is written by: lm_eval run ... --log_samples --output_path OUT",
        )
    results, beside = _results(path)
    return _Reader.of(path, results).read(samples, (file, *beside))


def samples_beside(results: Path) -> list[Path]:
    """The files of samples that were written with a file of results."""
    date = re.search(r"_\d{4}-\d\d-\d\dT[\d.-]+$", results.stem)
    found = sorted(results.parent.glob("samples_*.jsonl"))
    return [one for one in found if date and one.stem.endswith(date[0])]


def _results(path: Path) -> tuple[Json, list[LogFile]]:
    """The results that were written with a file of samples, where they are there."""
    named = _DATED.fullmatch(path.name)
    date = named["date"] if named else None
    beside = [one for one in sorted(path.parent.glob("*.json")) if date and date in one.stem]
    if not beside:
        return {}, []
    content, file = read_object(beside[0])
    return content, [file]


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    results: Json
    task: str
    config: Json
    """The task's own."""

    @classmethod
    def of(cls, path: Path, results: Json) -> _Reader:
        """A reader that knows what the results say of this file's task."""
        named = _DATED.fullmatch(path.name)
        task = name_of(named["task"] if named else path.stem)
        return cls(path, results, task, mapping(mapping(results.get("configs")).get(task)))

    def read(self, samples: Sequence[Json], files: tuple[LogFile, ...]) -> Log:
        """The whole log."""
        docs = by_example(
            samples, "doc_id", "filter", lambda number: f"{self.path}, line {number}: the sample"
        )
        names = list(dict.fromkeys(name for rows in docs.values() for name in _metrics(rows)))
        run = mapping(self.results.get("config"))
        shots = number_of(mapping(self.results.get("n-shot")).get(self.task))
        lost = () if self.results else (self._alone(),)
        return Log(
            tool="lm-eval",
            version=name_of(self.results.get("lm_eval_version")),
            model=_model(self.results),
            task=self.task,
            name=self.task,
            text=self._text(),
            metrics=tuple(sorted(names, key=self._place)),
            rows=tuple(self._row(doc, rows) for doc, rows in docs.items()),
            files=files,
            few_shot=None if shots is None else int(shots),
            temperature=self._temperature(run),
            worse_when_higher=frozenset(name for name in names if self._is_worse(name)),
            lost=lost,
            settings=self._settings(),
        )

    def _alone(self) -> str:
        return (
            f"{self.path.name} has no results_DATE.json beside it, so the model, the prompt's "
            "template and lm-eval's version are not known"
        )

    def _row(self, doc: str, samples: Sequence[Json]) -> Row:
        first = samples[0]
        arguments = [mapping(one) for one in mapping(first.get("arguments")).values()]
        options = self._options(first, arguments)
        gold = _gold(first, options)
        chosen = _Choice.of(first, options, arguments) if isinstance(gold, int) else None
        scored: dict[str, Scored] = {}
        for sample in samples:
            for key, name in _names(sample):
                answer = chosen.answer(key) if chosen else _said(sample, options)
                scored[name] = Scored(_value(sample.get(key)), answer)
        return Row(
            example=doc,
            input=_lines(mapping(first.get("doc"))),
            gold=gold,
            scored=scored,
            prompt=_prompt(arguments),
            text=None if options else _first(first.get("resps")),
            options=options if chosen else (),
            likelihoods=chosen.likelihoods if chosen and chosen.is_known else (),
        )

    def _options(self, sample: Json, arguments: Sequence[Json]) -> tuple[str, ...]:
        """The continuations that were scored, without what stands before each of them."""
        texts = [text_of(one.get("arg_1")) for one in arguments]
        if len(texts) < 2 or not all(isinstance(one.get("arg_1"), str) for one in arguments):
            return ()
        if "acc_mutual_info" in items(sample.get("metrics")):
            texts = texts[: len(texts) // 2]
        if len(set(texts)) == 1:  # one continuation after several contexts
            return tuple(text_of(one.get("arg_0")) for one in arguments)
        delimiter = self.config.get("target_delimiter", " ")
        return tuple(text.removeprefix(text_of(delimiter)) for text in texts)

    def _text(self) -> str:
        """The words around the example: description and template."""
        parts = (self.config.get(key) for key in ("description", "doc_to_text", "gen_prefix"))
        return "".join(text_of(part) for part in parts if part is not None) or self.task

    def _place(self, name: str) -> int:
        """Where a metric stands in the task's own list."""
        listed = [mapping(one).get("metric") for one in items(self.config.get("metric_list"))]
        metric = name.partition(",")[0]
        return listed.index(metric) if metric in listed else len(listed)

    def _is_worse(self, name: str) -> bool:
        known = mapping(mapping(self.results.get("higher_is_better")).get(self.task))
        return known.get(name.partition(",")[0]) is False

    def _settings(self) -> dict[str, str]:
        """What beside the template decides the answers."""
        run = mapping(self.results.get("config"))
        version = mapping(self.results.get("versions")).get(self.task)
        found = {
            "task version": text_of(version),
            "generation": text_of(self.config.get("generation_kwargs")),
            "generation of the run": text_of(run.get("gen_kwargs") or None),
            "system text": text_of(self.results.get("system_instruction")),
            "chat template": text_of(self.results.get("chat_template_sha")),
        }
        return {key: value for key, value in found.items() if value}

    def _temperature(self, run: Json) -> float | None:
        for settings in (run.get("gen_kwargs"), self.config.get("generation_kwargs")):
            given = number_of(mapping(settings).get("temperature"))
            sampled = mapping(settings).get("do_sample")
            if given is not None and sampled is not False:
                return given
        return None


@dataclass(frozen=True, slots=True)
class _Choice:
    """The likelihoods of a row's options, and what each metric takes for the answer."""

    options: tuple[str, ...]
    likelihoods: tuple[float, ...]
    unconditional: tuple[float, ...]

    @classmethod
    def of(cls, sample: Json, options: tuple[str, ...], arguments: Sequence[Json]) -> _Choice:
        """What stands in a sample."""
        found = [_likelihood(one) for one in items(sample.get("resps"))]
        found += [float("-inf")] * (len(arguments) - len(found))
        count = len(options)
        return cls(options, tuple(found[:count]), tuple(found[count : 2 * count]))

    @property
    def is_known(self) -> bool:
        """Whether every option has a finite likelihood."""
        return all(value - value == 0 for value in self.likelihoods)

    def answer(self, metric: str) -> Answer:
        """The place of the option that a metric of lm-eval takes for the answer."""
        if not self.is_known:
            return None
        values: Sequence[float] = self.likelihoods
        if metric == "acc_norm":
            values = [v / max(len(o), 1) for v, o in zip(values, self.options, strict=True)]
        elif metric == "acc_bytes":
            sizes = [max(len(option.encode("utf-8", "replace")), 1) for option in self.options]
            values = [v / size for v, size in zip(values, sizes, strict=True)]
        elif metric == "acc_mutual_info" and len(self.unconditional) == len(values):
            values = [v - u for v, u in zip(values, self.unconditional, strict=True)]
        return max(range(len(values)), key=values.__getitem__)


def _likelihood(response: object) -> float:
    """A response's log-likelihood: [[value, is greedy]], in texts or numbers."""
    inner = items(response)
    inner = items(inner[0]) if inner and isinstance(inner[0], list) else inner
    value = number_of(inner[0]) if inner else None
    return float("-inf") if value is None else value


def _metrics(samples: Sequence[Json]) -> list[str]:
    return [name for sample in samples for _, name in _names(sample)]


def _names(sample: Json) -> Iterator[tuple[str, str]]:
    """Each metric's key in a sample, and its name as lm-eval prints it: with its filter."""
    chosen = name_of(sample.get("filter")) or "none"
    for key in map(name_of, items(sample.get("metrics"))):
        if key:
            yield key, key if chosen == "none" else f"{key},{chosen}"


def _value(value: object) -> float | None:
    return None if isinstance(value, str) else number_of(value)


def _gold(sample: Json, options: Sequence[str]) -> str | int:
    """The place of the right option; its text where there is no such place."""
    target = text_of(sample.get("target"))
    if not options:
        return target
    first = re.match(r"\[?\s*(\d{1,6})\s*(?:,[\d\s,]*)?\]?$", target)
    if first and int(first[1]) < len(options):
        return int(first[1])
    return list(options).index(target) if target in options else target


def _said(sample: Json, options: Sequence[str]) -> Answer:
    """What a filter left of the response."""
    responses = items(sample.get("filtered_resps"))
    if options:
        values = [_likelihood(one) for one in responses[: len(options)]]
        return options[values.index(max(values))] if values else None
    if len(responses) == 1 and isinstance(responses[0], list) and len(responses[0]) == 2:
        greedy = number_of(responses[0][1])  # the likelihood of the target alone
        if greedy is not None:
            return text_of(sample.get("target")) if greedy else _OTHERWISE
    said = _first(responses)
    return None if said is None or said.strip() in _UNREAD else said


def _first(value: object) -> str | None:
    """The first text in lists of lists."""
    while isinstance(value, list):
        value = value[0] if value else None
    return None if value is None else text_of(value)


def _prompt(arguments: Sequence[Json]) -> str:
    return text_of(arguments[0].get("arg_0")) if arguments else ""


def _lines(doc: Json) -> str:
    """A document's fields, a line each."""
    return "\n".join(f"{key}: {text_of(value)}" for key, value in doc.items() if value is not None)


def _model(results: Json) -> str:
    return name_of(results.get("model_name")) or name_of(
        mapping(mapping(results.get("config")).get("model_args")).get("pretrained")
    )
