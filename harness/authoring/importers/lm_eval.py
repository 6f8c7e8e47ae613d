"""Task files of lm-evaluation-harness: YAML with a prompt template, choices and a target."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.authoring.importers.carried import Carried, ForeignFile, TaskContent
from harness.authoring.importers.foreign_yaml import Tagged
from harness.authoring.importers.prompt_parts import PromptParts, split_prompt
from harness.authoring.importers.shapes import LmEvalShape, check_shape
from harness.core.records import BLANK_LINE
from harness.tasks.schema import MAX_GAP

FORMAT: Final = "lm-eval"
_FIELD: Final = re.compile(r"\w+")
_ONE_FIELD: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_ONE_EXPRESSION: Final = re.compile(r"\s*\{\{((?:(?!\}\}).)*)\}\}\s*", re.DOTALL)
_CODE: Final = "it is code, and code of a file is never run"
_NEEDED: Final = ("doc_to_text", "doc_to_target", "doc_to_choice", "process_docs", "class")
_WITHOUT_LOSS: Final = frozenset(
    ("task", "task_alias", "tag", "group", "group_alias", "metadata", "dataset_path",
     "dataset_name", "dataset_kwargs", "output_type", "training_split", "validation_split",
     "test_split", "fewshot_split", "doc_to_text", "doc_to_target", "doc_to_choice", "description",
     "metric_list", "generation_kwargs", "filter_list", "num_fewshot", "target_delimiter",
     "fewshot_delimiter", "gen_prefix", "should_decontaminate", "doc_to_decontamination_query",
     "repeats")
)  # fmt: skip
_GRADERS: Final[Mapping[str, Any]] = {
    "exact_match": "exact",
    "f1": "token_f1",
    "bleu": "bleu",
    "chrf": "chrf",
    "rouge": "rouge",
    "rouge1": {"name": "rouge", "variant": "rouge1"},
    "rouge2": {"name": "rouge", "variant": "rouge2"},
    "rougeL": "rouge",
}
_LABEL_METRICS: Final = {"mcc": "mcc", "f1": "macro_f1"}


def import_lm_eval(file: ForeignFile) -> Carried:
    """The task of a file, and what of it is not carried over."""
    check_shape(file, LmEvalShape)
    carried = Carried(FORMAT)
    _refuse_code(file, carried)
    if carried.blocking:
        return carried
    _Importer(file, carried).make()
    return carried


def _refuse_code(file: ForeignFile, carried: Carried) -> None:
    for key, value in file.content.items():
        if _holds_code(value):
            what = f"{key}: {value}" if isinstance(value, Tagged) else key
            if key in _NEEDED:
                carried.block(file.line(key), what, _CODE)
            else:
                carried.lose(file.line(key), what, _CODE)


def _holds_code(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_code, value.values()))
    if isinstance(value, list):
        return any(map(_holds_code, value))
    return isinstance(value, Tagged)


@dataclass(frozen=True, slots=True)
class _Importer:
    file: ForeignFile
    carried: Carried

    def make(self) -> None:
        """Add the task, or what is missing for one."""
        kind = self.file.content.get("output_type", "generate_until")
        if kind not in ("multiple_choice", "generate_until"):
            self._block("output_type", f"{kind} has no labels, options or answer to grade")
            return
        task = self._frame()
        if kind == "multiple_choice":
            self._add_choices(task)
        else:
            self._add_answer(task)
        self._name_the_rest()
        if not self.carried.blocking:
            self.carried.tasks.append(task)

    def _get(self, key: str) -> Any:
        value = self.file.content.get(key)
        return None if isinstance(value, Tagged) else value

    def _lose(self, key: str, why: str, what: str | None = None) -> None:
        self.carried.lose(self.file.line(key), what or key, why)

    def _block(self, key: str, why: str) -> None:
        self.carried.block(self.file.line(key), key, why)

    def _frame(self) -> TaskContent:
        name = str(self._get("task") or self.file.path.stem)
        task: TaskContent = {
            "name": re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-_.")[:80] or "task",
            "description": "",
            "source": self._source(),
            **self._prompt(),
        }
        shots = self._get("fewshot_split") or self._get("training_split")
        if shots:
            task["few_shot"] = self._source(split=str(shots))
        if (count := self._get("num_fewshot")) not in (None, 0):
            self._lose("num_fewshot", f"a run says how many: --few-shot {count}")
        return task

    def _source(self, split: str | None = None) -> dict[str, object]:
        path, files = self._get("dataset_path"), self._get("dataset_kwargs") or {}
        chosen = split or self._get("test_split") or self._get("validation_split")
        if isinstance(data := files.get("data_files"), Mapping):
            data = data.get(chosen) or next(iter(data.values()), None)
        if isinstance(data, str):
            return {"file": data}
        if files:
            self._lose("dataset_kwargs", "options of a data set's own loader")
        if not isinstance(path, str) or not path.strip():
            self._block("dataset_path", "there is no data set to read")
            return {}
        hub: dict[str, object] = {"path": path, "split": chosen or "validation"}
        if config := self._get("dataset_name"):
            hub["config"] = str(config)
        return {"hub": hub}

    def _prompt(self) -> TaskContent:
        text = self._get("doc_to_text")
        if not isinstance(text, str) or not text.strip():
            self._block("doc_to_text", "there is no prompt, and so nothing that can be perturbed")
            return {}
        if _FIELD.fullmatch(text):
            text = f"{{{{ {text} }}}}"
        parts = split_prompt(text)
        if not parts.cue:
            self._lose("doc_to_text", "prompts end in a line break here, as no last line is a cue")
        elif (delimiter := self._get("target_delimiter")) not in (None, " "):
            what = f"target_delimiter: {delimiter!r}"
            self._lose("target_delimiter", "an answer follows its cue after a space", what)
        task: TaskContent = {"input": parts.input or text, "answer_cue": parts.cue}
        return {**task, **self._prefill(), **self._instruction(parts)}

    def _prefill(self) -> TaskContent:
        begun = self._get("gen_prefix")
        if isinstance(begun, str) and begun.strip() and "{{" not in begun and "{%" not in begun:
            return {"prefill": begun}
        if begun:
            self._lose("gen_prefix", "every answer begins with the same text here")
        return {}

    def _instruction(self, parts: PromptParts) -> TaskContent:
        """The description, or else what all prompts of the template say, and where it stands."""
        said = str(self._get("description") or "")
        if "{{" in said:
            self._lose("description", "it shows fields of the row, and an instruction shows none")
            said = ""
        description = said.strip()
        if not (description or parts.instruction):
            return {}
        texts = [*filter(None, (description, parts.instruction))]
        gap = said[len(said.rstrip()) :] if description else parts.gap
        if len(texts) > 1:
            self._lose("description", "it and what doc_to_text asks are one instruction here")
            gap = parts.gap
        task: TaskContent = {
            "instructions": [{"id": "task-1", "style": "task", "text": "\n".join(texts)}]
        }
        if parts.placement == "last" and not description:
            task["placement"] = "last"
        if 0 < len(gap) <= MAX_GAP and gap != BLANK_LINE:
            task["gap"] = gap
        elif gap != BLANK_LINE:
            self._lose("description", "a blank line sets it apart from the row")
        return task

    def _add_choices(self, task: TaskContent) -> None:
        choices = self._get("doc_to_choice")
        if isinstance(choices, list) and choices and all(isinstance(c, str) for c in choices):
            self._add_labels(task, choices)
        elif isinstance(choices, Mapping):
            self._add_labels(task, [str(one) for one in choices.values()])
        elif isinstance(choices, str):
            self._add_options(task, choices)
        else:
            self._block("doc_to_choice", "there are no choices")
        wanted = {str(one.get("metric")) for one in self._metrics()}
        for metric in sorted(wanted - {"acc", "acc_norm", *_LABEL_METRICS}):
            self._lose("metric_list", "no such metric of choices here", f"metric {metric}")

    def _add_labels(self, task: TaskContent, words: Sequence[str]) -> None:
        task["label_field"] = self._derive(task, "doc_to_target", "gold_label")
        task["labels"] = [
            {"name": word.strip(), "value": index, "also": [word]}
            for index, word in enumerate(words)
        ]
        task["scorer"] = "loglik"
        own = [
            _LABEL_METRICS[m] for one in self._metrics() if (m := one["metric"]) in _LABEL_METRICS
        ]
        if own:
            task["metric"] = ["accuracy", *own]
        if any(one["metric"] == "f1" for one in self._metrics()):
            self._lose("metric_list", "F1 of one class there, macro-F1 here", "metric f1")
        if any(one["metric"] == "acc_norm" for one in self._metrics()):
            self._lose(
                "metric_list", "labels are not normalised by their length", "metric acc_norm"
            )
        either = ", ".join(f"'{w.strip()}'" for w in words[:-1]) + f" or '{words[-1].strip()}'"
        self._default_instruction(task, f"Answer with {either}.")

    def _add_options(self, task: TaskContent, choices: str) -> None:
        spec: TaskContent = {
            "field": self._derived(task, choices, "options"),
            "gold": self._derive(task, "doc_to_target", "gold_option"),
            "by": "text",
        }
        if any(one["metric"] == "acc_norm" for one in self._metrics()):
            spec["normalize"] = "byte"
            if any(one["metric"] == "acc" for one in self._metrics()):
                self._lose("metric_list", "a task has one; acc_norm is kept", "metric acc")
        task["choices"] = spec
        self._default_instruction(task, "Choose the right answer to the question below.")

    def _add_answer(self, task: TaskContent) -> None:
        answer: TaskContent = {"field": self._derive(task, "doc_to_target", "reference")}
        metrics = [str(one.get("metric")) for one in self._metrics()]
        known = [metric for metric in metrics if metric in _GRADERS]
        for metric in metrics:
            if metric not in known[:1]:
                why = "a task has one grader" if metric in known else "no such grader here"
                self._lose("metric_list", why, f"metric {metric}")
        answer["grader"] = _GRADERS[known[0]] if known else "exact"
        self._name_options_of_metrics()
        self._add_generation(answer)
        self._add_filters(answer)
        task["answer"] = answer
        self._default_instruction(task, "Answer the question below.")

    def _name_options_of_metrics(self) -> None:
        for one in self._metrics():
            for option in ("ignore_case", "ignore_punctuation", "ignore_numbers"):
                if option in one and bool(one[option]) != (option != "ignore_numbers"):
                    why = "graders here ignore case and punctuation, and never numbers"
                    self._lose("metric_list", why, f"{option}: {str(one[option]).lower()}")
            for pattern in one.get("regexes_to_ignore") or ():
                self._lose("metric_list", "no such option", f"regexes_to_ignore: {pattern!r}")

    def _add_generation(self, answer: TaskContent) -> None:
        options = dict(self._get("generation_kwargs") or {})
        until = options.pop("until", None)
        if until:
            answer["stop"] = [until] if isinstance(until, str) else [str(one) for one in until]
        length = options.pop("max_gen_toks", None) or options.pop("max_new_tokens", None)
        answer["max_new_tokens"] = int(length) if length else 256
        sampled = options.pop("do_sample", False)
        warm = options.pop("temperature", 0) not in (0, None) and sampled
        if sampled or warm:
            self._lose("generation_kwargs", "answers are greedy here", "do_sample")
        for key in options:
            self._lose("generation_kwargs", "no such option", f"generation_kwargs.{key}")

    def _add_filters(self, answer: TaskContent) -> None:
        for number, chain in enumerate(self._mappings("filter_list")):
            if number:
                why = "a task reads answers in one way; the first filter is kept"
                self._lose("filter_list", why, f"filter {chain.get('name')}")
                continue
            for step in filter(_is_mapping, chain.get("filter") or ()):
                self._add_filter(answer, step)

    def _add_filter(self, answer: TaskContent, step: Mapping[str, Any]) -> None:
        name, pattern = str(step.get("function")), step.get("regex_pattern")
        if name in ("take_first", "remove_whitespace", "lowercase"):
            return
        if name == "regex" and isinstance(pattern, str) and _groups(pattern) == 1:
            match = {"match": "last"} if step.get("group_select", 0) == -1 else {}
            if answer["grader"] == "exact":
                # This grader reads references by the pattern, too, as they are whole solutions.
                answer["grader"] = {"name": "regex", "pattern": pattern, **match}
            else:
                answer["extract"] = {"regex": pattern, **match}
            return
        why = "a pattern needs exactly one group" if name == "regex" else "no such step here"
        self._lose("filter_list", why, f"filter {name}")

    def _metrics(self) -> list[Mapping[str, Any]]:
        listed = self._mappings("metric_list")
        return [one for one in listed if isinstance(one.get("metric"), str)]

    def _mappings(self, key: str) -> list[Mapping[str, Any]]:
        """The items of a list that are no code."""
        return list(filter(_is_mapping, self._get(key) or ()))

    def _derive(self, task: TaskContent, key: str, name: str) -> str:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            self._block(key, "there is nothing that says what is right")
            return name
        return self._derived(task, str(value), name)

    def _derived(self, task: TaskContent, template: str, name: str) -> str:
        """The field of a template: the row's own, or one that is made of it under a new name."""
        single = _ONE_FIELD.fullmatch(template.strip())
        if single or _FIELD.fullmatch(template):
            return single[1] if single else template
        one = _ONE_EXPRESSION.fullmatch(template)
        task.setdefault("derive", {})[name] = (
            f"{{{{ ({one[1].strip()}) | tojson }}}}" if one else template
        )
        return name

    def _default_instruction(self, task: TaskContent, text: str) -> None:
        if "instructions" not in task:
            task["instructions"] = [{"id": "task-1", "style": "task", "text": text}]
            why = f"it holds no instruction, which is what is perturbed; added: {text!r}"
            self._lose("doc_to_text", why)

    def _name_the_rest(self) -> None:
        for key, value in self.file.content.items():
            if key not in _WITHOUT_LOSS and not _holds_code(value):
                self._lose(key, "nothing here corresponds to it")
        if (self._get("repeats") or 1) != 1:
            self._lose("repeats", "answers are greedy here, so that repeats are equal")


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _groups(pattern: str) -> int:
    try:
        return re.compile(pattern).groups
    except re.error:
        return 0
