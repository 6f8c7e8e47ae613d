"""Logs as other evaluation tools write them, small and made up, from a table of answers."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DATE = "2026-11-29T11-24-05.123456"
OPTIONS = ("negative", "positive")


def lm_eval_choice(
    doc: int, gold: int, likelihoods: Sequence[float], **more: object
) -> dict[str, Any]:
    """A sample of a multiple-choice task, as lm-eval 0.4.13 writes it."""
    place = max(range(len(likelihoods)), key=likelihoods.__getitem__)
    sizes = [len(option) for option in OPTIONS]
    normed = [value / size for value, size in zip(likelihoods, sizes, strict=True)]
    arguments = {
        f"gen_args_{n}": {"arg_0": f"review {doc}\nAnswer:", "arg_1": f" {option}"}
        for n, option in enumerate(OPTIONS)
    }
    return {
        "doc_id": doc,
        "doc": {"idx": doc, "sentence": f"review {doc}", "label": gold},
        "target": str(gold),
        "arguments": arguments,
        "resps": [[[str(value), "False"]] for value in likelihoods],
        "filtered_resps": [[str(value), "False"] for value in likelihoods],
        "filter": "none",
        "metrics": ["acc", "acc_norm", "f1"],
        "doc_hash": "d", "prompt_hash": "p", "target_hash": "t",
        "acc": float(place == gold),
        "acc_norm": float(normed.index(max(normed)) == gold),
        "f1": [gold, place],
        **more,
    }  # fmt: skip


def lm_eval_text(doc: int, gold: str, said: str, read: Mapping[str, str]) -> list[dict[str, Any]]:
    """The samples of one document of a generative task, one per filter (name -> what it read)."""
    return [
        {
            "doc_id": doc,
            "doc": {"question": f"question {doc}", "answer": gold},
            "target": gold,
            "arguments": {"gen_args_0": {"arg_0": f"question {doc}", "arg_1": {"until": ["\n"]}}},
            "resps": [[said]],
            "filtered_resps": [answer],
            "filter": name,
            "metrics": ["exact_match"],
            "exact_match": float(answer == gold),
        }
        for name, answer in read.items()
    ]


def save_lm_eval(
    folder: Path,
    tasks: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    model: str = "org/base",
    templates: Mapping[str, str] | None = None,
) -> Path:
    """A folder as `lm_eval run --log_samples --output_path` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    for task, samples in tasks.items():
        text = "".join(json.dumps(sample) + "\n" for sample in samples)
        (folder / f"samples_{task}_{DATE}.jsonl").write_text(text, encoding="utf-8")
    metrics = [{"metric": "acc"}, {"metric": "acc_norm"}, {"metric": "f1"}]
    results = {
        "results": {},
        "configs": {
            task: {
                "task": task,
                "description": "",
                "doc_to_text": (templates or {}).get(task, f"{{{{sentence}}}} {task}?"),
                "target_delimiter": " ",
                "metric_list": metrics,
            }
            for task in tasks
        },
        "n-shot": dict.fromkeys(tasks, 0),
        "higher_is_better": {task: {"acc": True} for task in tasks},
        "config": {"model": "hf", "model_args": {"pretrained": model}},
        "model_name": model,
        "lm_eval_version": "0.4.13",
    }
    (folder / f"results_{DATE}.json").write_text(json.dumps(results), encoding="utf-8")
    return folder


def inspect_sample(
    sample_id: object, said: str, value: object, *, target: str = "4", epoch: int = 1, **more: Any
) -> dict[str, Any]:
    """A sample as inspect 0.3.285 writes it, without its events."""
    message = {"role": "assistant", "content": said}
    return {
        "id": sample_id,
        "epoch": epoch,
        "input": f"question {sample_id}",
        "target": target,
        "messages": [{"role": "user", "content": f"Answer: question {sample_id}"}, message],
        "output": {"choices": [{"message": message}], "completion": said},
        "scores": {"match": {"value": value, "answer": said}, "length": {"value": len(said) + 2}},
        **more,
    }


def inspect_log(samples: Sequence[object], **more: Any) -> dict[str, Any]:
    """A whole log of inspect, as one object."""
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "task": "sums",
            "model": "mockllm/model",
            "packages": {"inspect_ai": "0.3.285"},
            "config": {"epochs": 1},
        },
        "plan": {
            "steps": [
                {"solver": "prompt_template", "params_passed": {"template": "Answer: {prompt}"}},
                {"solver": "generate", "params_passed": {}},
            ]
        },
        "results": {"scores": [{"name": "length"}, {"name": "match"}]},
        "samples": list(samples),
        **more,
    }


def save_eval(path: Path, log: Mapping[str, Any], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A log as inspect's archive, `.eval`."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for number, sample in enumerate(log["samples"]):
            archive.writestr(f"samples/{number}_epoch_1.json", json.dumps(sample))
        header = {key: value for key, value in log.items() if key != "samples"}
        archive.writestr("header.json", json.dumps(header))
    return path
