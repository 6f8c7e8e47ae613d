"""Public data sets whose rows shipped tasks read from a data folder, and how they get there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from harness.core.errors import UnknownNameError
from harness.tasks.schema import TaskSpec
from harness.tasks.suites import suite_task_paths
from harness.tasks.yamlfile import read_yaml

HubRow = Mapping[str, object]
Convert = Callable[[Iterable[HubRow]], Iterator[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class PublicData:
    """One file of rows of a public data set."""

    name: str
    suite: str
    """The suite that reads it; it names the data sets of a suite together."""
    file: str
    """Where it lies in a data folder."""
    hub: str
    """Repository of the hub."""
    config: str | None
    split: str
    licence: str
    fields: tuple[str, ...]
    convert: Convert
    """From the hub's rows to those that tasks read."""
    revision: str | None = None


def public_data() -> tuple[PublicData, ...]:
    """Every data set that can be fetched, suite by suite."""
    return (*_glue(), *_legal(), *_mmlu(), *_xquad(), _GSM8K)


def find_data(name: str) -> tuple[PublicData, ...]:
    """The data sets of that name, or of the suite of that name.

    Raises:
        UnknownNameError: neither is known.
    """
    known = public_data()
    found = tuple(one for one in known if name in (one.name, one.suite))
    if not found:
        names = {one.name for one in known} | {one.suite for one in known}
        raise UnknownNameError("data set", name, names, hint="Type: harness data list.")
    return found


def _as_they_are(rows: Iterable[HubRow]) -> Iterator[dict[str, object]]:
    yield from map(dict, rows)


def _glue() -> Iterator[PublicData]:
    """The files of the suite `glue`, as its tasks name them; QQP's is a subset of our own."""
    for path in suite_task_paths("glue"):
        spec = read_yaml(path, TaskSpec, what="task")
        for source in (spec.source, spec.few_shot):
            if source is None or source.data is None or source.hub is None or spec.name == "qqp":
                continue
            yield PublicData(
                name=source.data.removeprefix("glue/").removesuffix(".jsonl.gz"),
                suite="glue",
                file=source.data,
                hub=source.hub.path,
                config=source.hub.config,
                split=source.hub.split,
                licence="each task's own, see gluebenchmark.com",
                fields=("idx", "label", "…"),
                convert=_as_they_are,
            )


def _legal() -> Iterator[PublicData]:
    for task in ("abercrombie", "hearsay", "proa", "diversity_1", "diversity_3"):
        for split in ("test", "train"):
            yield PublicData(
                name=f"{task}.{split}",
                suite="legal",
                file=f"legal/{task}.{split}.jsonl.xz",
                hub="nguha/legalbench",
                config=task,
                split=split,
                licence="CC BY 4.0",
                fields=("text", "label"),
                convert=_legal_rows,
                # The data set is a script, which nothing here runs; this branch holds its rows.
                revision="refs/convert/parquet",
            )


def _legal_rows(rows: Iterable[HubRow]) -> Iterator[dict[str, object]]:
    for row in rows:
        rest = {key: row[key] for key in row if key not in ("index", "answer", "text")}
        yield {"text": row["text"], "label": row["answer"], **rest}


def _mmlu_rows(rows: Iterable[HubRow]) -> Iterator[dict[str, object]]:
    seen: Counter[str] = Counter()
    for row in rows:
        subject = str(row["subject"])
        yield {
            "id": f"{subject}-{seen[subject]}",
            **{key: row[key] for key in ("subject", "question", "choices", "answer")},
        }
        seen[subject] += 1


def _gsm8k_rows(rows: Iterable[HubRow]) -> Iterator[dict[str, object]]:
    for number, row in enumerate(rows):
        solution, _, answer = str(row["answer"]).rpartition("####")
        yield {
            "id": number,
            "question": row["question"],
            "solution": solution.strip(),
            "answer": answer.strip().replace(",", ""),
        }


def _squad_rows(rows: Iterable[HubRow]) -> Iterator[dict[str, object]]:
    for row in rows:
        answers = row["answers"]
        texts = answers["text"] if isinstance(answers, Mapping) else answers
        yield {**{key: row[key] for key in ("id", "context", "question")}, "answers": texts}


def _xquad() -> Iterator[PublicData]:
    for language in ("en", "de", "zh", "ar"):
        yield PublicData(
            name=f"xquad.{language}",
            suite="reading",
            file=f"generation/xquad.{language}.jsonl.xz",
            hub="google/xquad",
            config=f"xquad.{language}",
            split="validation",
            licence="CC BY-SA 4.0",
            fields=("id", "context", "question", "answers"),
            convert=_squad_rows,
        )


def _mmlu() -> Iterator[PublicData]:
    for file, split in (("test", "test"), ("dev", "dev")):
        yield PublicData(
            name=f"mmlu.{file}",
            suite="mmlu",
            file=f"choice/mmlu.{file}.jsonl.xz",
            hub="cais/mmlu",
            config="all",
            split=split,
            licence="MIT",
            fields=("id", "subject", "question", "choices", "answer"),
            convert=_mmlu_rows,
        )


_GSM8K: Final = PublicData(
    licence="MIT",
    name="gsm8k.test",
    suite="maths",
    file="generation/gsm8k.test.jsonl.xz",
    hub="openai/gsm8k",
    config="main",
    split="test",
    fields=("id", "question", "solution", "answer"),
    convert=_gsm8k_rows,
)
