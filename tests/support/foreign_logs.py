"""Logs as other evaluation tools write them, small and made up, from a table of answers."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DATE = "2026-11-29T11-24-05.123456"
OPTIONS = ("negative", "positive")
HELM_ADAPTER = {
    "method": "multiple_choice_joint",
    "instructions": "Answer the questions.\n",
    "input_prefix": "Question: ",
    "output_prefix": "\nAnswer: ",
    "model": "org/base",
    "max_train_instances": 5,
    "temperature": 0.0,
}


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


def promptfoo_row(prompt: int, test: int, said: str | None, score: float, **more: Any) -> Any:
    """A result of promptfoo's version 3, for one prompt and one test."""
    country = ("France", "Spain", "Peru", "Chad")[test]
    return {
        "promptIdx": prompt,
        "testIdx": test,
        "provider": {"id": "openai:small", "label": ""},
        "prompt": {"raw": f"Capital of {country}?", "label": f"prompt-{prompt}"},
        "vars": {"country": country},
        "testCase": {"vars": {"country": country}, "assert": [{"type": "equals", "value": "X"}]},
        "response": {"output": said} if said is not None else {},
        "success": score >= 1,
        "score": score,
        "namedScores": {"style": 0.5},
        **more,
    }


def promptfoo_results(rows: Sequence[object], **more: Any) -> dict[str, Any]:
    """A whole file of `promptfoo eval -o`."""
    labels = ("plain", "polite", "plain")
    return {
        "evalId": "eval-1",
        "results": {
            "version": 3,
            "prompts": [
                {"raw": f"{label}: capital of {{{{country}}}}?", "label": label} for label in labels
            ],
            "results": list(rows),
            **more,
        },
        "config": {"description": "capitals"},
        "metadata": {"promptfooVersion": "0.118.0"},
    }


def save_helm(
    folder: Path, answers: Mapping[str, str], perturbations: Mapping[str, Mapping[str, Any]]
) -> Path:
    """A run folder after HELM's documented format.

    Args:
        folder: to be made.
        answers: a perturbation's name (empty: none) -> a letter per instance, y where it is right.
        perturbations: name -> HELM's description of it.
    """
    folder.mkdir(parents=True)
    states, stats = [], []
    for name, letters in answers.items():
        perturbed = {"perturbation": perturbations[name]} if name else {}
        for number, letter in enumerate(letters):
            states.append(_helm_state(f"{name}question {number}", number, letter, perturbed))
            stats.append(_helm_stats(number, letter, perturbed))
    metrics = [{"class_name": "M", "args": {"names": ["quasi_exact_match", "exact_match"]}}]
    spec = {"name": "mmlu:subject=anatomy,model=org_base", "metric_specs": metrics}
    contents = {
        "scenario_state.json": {"adapter_spec": HELM_ADAPTER, "request_states": states},
        "per_instance_stats.json": stats,
        "run_spec.json": spec,
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def _helm_state(
    text: str, number: int, letter: str, perturbed: Mapping[str, object]
) -> dict[str, Any]:
    references = [
        {"output": {"text": "wrong"}, "tags": []},
        {"output": {"text": "right"}, "tags": ["correct"]},
    ]
    said = " B" if letter == "y" else " A"
    return {
        "instance": {
            "id": f"id{number}",
            "input": {"text": text},
            "references": references,
            "split": "test",
            **perturbed,
        },
        "train_trial_index": 0,
        "output_mapping": {"A": "wrong", "B": "right"},
        "request": {"prompt": f"Question: {number}\nAnswer:"},
        "result": {"success": True, "completions": [{"text": said}]},
    }


def _helm_stats(number: int, letter: str, perturbed: Mapping[str, object]) -> dict[str, Any]:
    right = float(letter == "y")
    measured = {"num_tokens": 9.0, "exact_match": right, "quasi_exact_match": right}
    return {
        "instance_id": f"id{number}",
        "train_trial_index": 0,
        "stats": [
            {"name": {"name": key, "split": "test"}, "count": 1, "sum": value}
            for key, value in measured.items()
        ],
        **perturbed,
    }
