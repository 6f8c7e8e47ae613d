"""HELM's run folders: `scenario_state.json`, `per_instance_stats.json` and `run_spec.json`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Final

from harness.core.errors import UsageError
from harness.core.records import Level
from harness.logs.bounded import (
    items,
    mapping,
    name_of,
    number_of,
    objects,
    read_list,
    read_object,
    text_of,
)
from harness.logs.record import Answer, Log, LogFile, Row, Scored
from harness.results.jsonfiles import Json

STATE: Final = "scenario_state.json"
_STATS: Final = "per_instance_stats.json"
_SPEC: Final = "run_spec.json"
_LEVELS: Final[Mapping[str, Level]] = {
    "typos": "character",
    "misspellings": "character",
    "lowercase": "character",
    "space": "character",
    "extra_space": "character",
    "mild_mix": "character",
    "contraction": "word",
    "expansion": "word",
    "synonym": "word",
    "dialect": "word",
    "gender": "word",
    "person_name": "word",
    "filler_words": "word",
}
"""HELM's perturbation -> the level of ours that it is of; others are said with --level."""
_NOT_PARAMETERS: Final = frozenset({"name", "robustness", "fairness", "computed_on"})
_MAIN: Final = ("exact_match", "quasi_exact_match", "prefix_exact_match", "f1_score")
"""What a run is judged by where its specification does not say it."""

_Key = tuple[str, str, int]
"""Instance, perturbation (empty: none) and trial."""


def read_helm(folder: Path) -> list[Log]:
    """A log for the clean instances of a run, and one for each perturbation of them.

    Raises:
        UsageError: a file is missing or damaged.
    """
    for name in (STATE, _STATS):
        if not (folder / name).is_file():
            raise UsageError(
                f"{folder} has no {name}.", hint="A run folder of HELM is written by: helm-run"
            )
    state, of_state = read_object(folder / STATE)
    stats, of_stats = read_list(folder / _STATS)
    files = [of_stats, of_state]
    spec: Json = {}
    if (folder / _SPEC).is_file():
        spec, of_spec = read_object(folder / _SPEC)
        files.append(of_spec)
    return _Reader(folder, state, spec, tuple(files)).read(stats)


@dataclass(frozen=True, slots=True)
class _Reader:
    folder: Path
    state: Json
    spec: Json
    files: tuple[LogFile, ...]

    @property
    def adapter(self) -> Json:
        """How instances became prompts."""
        return mapping(self.state.get("adapter_spec"))

    def read(self, stats: Sequence[Json]) -> list[Log]:
        """Every log of the run, the clean one first.

        Raises:
            UsageError: there is no request, or a part of the files is laid out otherwise.
        """
        states = objects(self.state.get("request_states"), f"{self.folder / STATE}")
        asked = self._asked(states)
        scores = self._scores(stats)
        perturbations = list(dict.fromkeys(perturbation for _, perturbation, _ in asked))
        names = sorted(perturbations, key=bool)  # the clean one, which has none, first
        logs = [self._log(name, asked, scores) for name in names]
        if not logs:
            raise UsageError(f"{self.folder / STATE} holds no request.")
        return logs

    def _log(
        self,
        perturbation: str,
        asked: Mapping[_Key, Json],
        scores: Mapping[_Key, Mapping[str, float]],
    ) -> Log:
        trials: dict[str, list[_Key]] = {}
        for key in asked:
            if key[1] == perturbation:
                trials.setdefault(key[0], []).append(key)
        rows = tuple(
            _row(asked[keys[0]], [scores.get(key, {}) for key in keys]) for keys in trials.values()
        )
        task = self._task()
        log = Log(
            tool="HELM",
            version="",
            model=name_of(self.adapter.get("model") or self.adapter.get("model_deployment")),
            task=task,
            name=perturbation or task,
            text=self._text(),
            metrics=self._metrics(rows),
            rows=rows,
            files=self.files,
            few_shot=self._shots(),
            temperature=number_of(self.adapter.get("temperature")),
            lost=tuple(_lost(max(map(len, trials.values())))),
            settings={"method": text_of(self.adapter.get("method"))},
        )
        if not perturbation:
            return log
        level = _LEVELS.get(perturbation.partition(" ")[0])
        return replace(log, level=level, target="input")

    def _asked(self, states: Sequence[Json]) -> dict[_Key, Json]:
        """The first request of each instance; of several references it is the first one's."""
        found: dict[_Key, Json] = {}
        for number, one in enumerate(states, 1):
            instance = mapping(one.get("instance"))
            example = name_of(instance.get("id"))
            if not example:
                raise UsageError(f"{self.folder / STATE}: request {number} has no instance id.")
            found.setdefault((example, _perturbation(instance), _trial(one)), one)
        return found

    def _scores(self, stats: Sequence[Json]) -> dict[_Key, dict[str, float]]:
        """The statistics of each instance; several metrics may each have an entry for it."""
        found: dict[_Key, dict[str, float]] = {}
        for number, one in enumerate(stats, 1):
            example = name_of(one.get("instance_id"))
            if not example:
                raise UsageError(f"{self.folder / _STATS}: entry {number} has no instance_id.")
            own = found.setdefault((example, _perturbation(one), _trial(one)), {})
            for stat in map(mapping, items(one.get("stats"))):
                name = name_of(mapping(stat.get("name")).get("name"))
                value = _mean(stat)
                if name and value is not None:
                    own[name] = value
        return found

    def _metrics(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """The metrics that the run's specification names, then others that are known, then all."""
        found = dict.fromkeys(name for row in rows for name in row.scored)
        specs = [mapping(mapping(one).get("args")) for one in items(self.spec.get("metric_specs"))]
        named = [name_of(name) for args in specs for name in items(args.get("names"))]
        return tuple(dict.fromkeys(one for one in (*named, *_MAIN, *found) if one in found))

    def _task(self) -> str:
        """The run's name without its model and how its data were augmented."""
        name = name_of(self.spec.get("name")) or self.folder.name
        head, colon, arguments = name.partition(":")
        kept = [
            one
            for one in arguments.split(",")
            if not re.match(r"(model|model_deployment|data_augmentation)=", one)
        ]
        return name_of(f"{head}{colon if any(kept) else ''}{','.join(kept)}") or "helm"

    def _text(self) -> str:
        """The words around an instance's input."""
        keys = ("global_prefix", "instructions", "input_prefix")
        before = "".join(text_of(self.adapter.get(key)) for key in keys)
        keys = ("input_suffix", "output_prefix", "global_suffix")
        after = "".join(text_of(self.adapter.get(key)) for key in keys)
        return f"{before}…{after}" if before or after else self._task()

    def _shots(self) -> int | None:
        shots = number_of(self.adapter.get("max_train_instances"))
        return None if shots is None else int(shots)


def _lost(trials: int) -> Iterator[str]:
    if trials > 1:
        yield f"a cell's score is the mean of {trials} trials"


def _perturbation(holder: Json) -> str:
    """What perturbed an instance, with its parameters; empty where nothing did."""
    given = mapping(holder.get("perturbation"))
    parameters = [
        f"{key}={text_of(value)}"
        for key, value in given.items()
        if key not in _NOT_PARAMETERS and value not in (None, "")
    ]
    return name_of(" ".join([text_of(given.get("name")), *parameters]))


def _trial(holder: Json) -> int:
    return int(number_of(holder.get("train_trial_index")) or 0)


def _mean(stat: Json) -> float | None:
    """The mean of a statistic, which is written, or else follows from sum and count."""
    if (value := number_of(stat.get("mean"))) is not None:
        return value
    total, count = number_of(stat.get("sum")), number_of(stat.get("count"))
    return total / count if total is not None and count else None


def _row(state: Json, trials: Sequence[Mapping[str, float]]) -> Row:
    instance = mapping(state.get("instance"))
    names = dict.fromkeys(name for own in trials for name in own)
    said = _said(state)
    scored = {
        name: Scored(fmean([own[name] for own in trials if name in own]), _answer(said, state))
        for name in names
    }
    return Row(
        example=name_of(instance.get("id")),
        input=text_of(mapping(instance.get("input")).get("text")),
        gold=_gold(instance),
        scored=scored,
        prompt=text_of(mapping(state.get("request")).get("prompt")),
        text=said,
    )


def _gold(instance: Json) -> str:
    """The first reference that is marked as correct."""
    for reference in map(mapping, items(instance.get("references"))):
        if "correct" in items(reference.get("tags")):
            return text_of(mapping(reference.get("output")).get("text"))
    return ""


def _said(state: Json) -> str | None:
    completions = items(mapping(state.get("result")).get("completions"))
    return text_of(mapping(completions[0]).get("text")) if completions else None


def _answer(said: str | None, state: Json) -> Answer:
    """What was said, a letter as the option that it stands for."""
    if said is None or not said.strip():
        return None
    mapped = mapping(state.get("output_mapping")).get(said.strip())
    return said.strip() if mapped is None else text_of(mapped)
