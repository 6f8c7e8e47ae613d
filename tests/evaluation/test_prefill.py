"""A prefill: where it stands, what is scored after it, and what counts as said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.api.tasks import parse_task
from harness.authoring.preview import preview_prompts
from harness.core.errors import UsageError
from harness.core.records import Example
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.prepare import RunPlan, prepare
from harness.grading import AnswerSpec, make_grader
from harness.models.loading.tokenizer import HFTokenizer
from harness.prompting.prompts import Prompter
from harness.prompting.readers import AnswerReader, StopTexts
from harness.results.provenance import task_hash
from harness.tasks.load import build_task
from tests.support.kinds import answer_task, choice_task
from tests.support.tiny_models import CHAT_TEMPLATE, make_checkpoint, make_tokenizer

WORDS = {"yes": "yes", "no": "no"}
REASONS = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] | trim }}<|end|>"
    "\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n<think>\n{% endif %}"
)
SILENT = (
    "{% for message in messages if message['role'] == 'user' %}[INST] {{ message['content'] }} "
    "[/INST]{% endfor %}"
)


def rendered(messages: Any) -> str:
    return "".join(f"<{one['role']}>{one['content']}</>\n" for one in messages) + "<assistant>"


def prompter(layout: str, cue: str = "", **more: Any) -> Prompter:
    return Prompter(layout, cue, WORDS, render_chat=rendered, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layout", "cue", "prompt"),
    [
        ("plain", "", "Do.\n\nIt.\nThe answer is"),
        ("plain", "Urgent:", "Do.\n\nIt.\nUrgent: The answer is"),
        ("coin", "Urgent:", "Do.\nIt.\n\n### Response: The answer is"),
        ("chat", "", "<user>Do.\n\nIt.</>\n<assistant>The answer is"),
        ("chat", "Urgent:", "<user>Do.\n\nIt.</>\n<assistant>Urgent: The answer is"),
    ],
)
def test_it_ends_the_prompt_and_opens_the_assistants_turn(
    layout: str, cue: str, prompt: str
) -> None:
    made = prompter(layout, cue, prefill="The answer is")
    assert made.prompt("Do.", "It.") == prompt
    assert made.continuation("yes") == " yes"


@pytest.mark.parametrize(
    ("prefill", "begun", "rest"),
    [
        ("The answer is ", "The answer is", " yes"),
        ("Answer:", "Answer:", " yes"),
        ('{"label": "', '{"label": "', "yes"),
        ("(", "(", "yes"),
        ("**", "**", "yes"),
        ("#### ", "####", " yes"),
        ("<think>\n\n</think>\n\n", "<think>\n\n</think>\n\n", "yes"),
    ],
)
def test_what_follows_it_stands_as_it_would_be_written(prefill: str, begun: str, rest: str) -> None:
    made = prompter("plain", prefill=prefill)
    assert made.prompt("Do.", "It.") == f"Do.\n\nIt.\n{begun}"
    assert made.continuation("yes") == rest


def test_few_shot_answers_begin_with_it_once() -> None:
    shots = (Example("s", {}, "Old.", "yes"), Example("t", {}, "Older.", '{"a": 1}'))
    made = prompter("plain", "JSON:", prefill="{", shots=shots[1:])
    assert made.prompt("Do.", "It.") == 'Do.\n\nOlder.\nJSON: {"a": 1}\n\nIt.\nJSON: {'
    made = prompter("chat", prefill="It is", shots=shots[:1])
    assert made.prompt("Do.", "It.") == (
        "<user>Do.\n\nOld.</>\n<assistant>It is yes</>\n<user>It.</>\n<assistant>It is"
    )
    assert made.answer("It is yes.") == " yes."


def task_of(content: dict[str, Any], **changes: Any) -> Any:
    return build_task(parse_task({**content, **changes}), Path("free.yaml"), data_dir=None)


def test_it_is_part_of_what_is_asked() -> None:
    plain = task_of(answer_task())
    hashes = {task_hash(task_of(answer_task(), prefill=text)) for text in ("It is", "It is ", "So")}
    assert len({task_hash(plain), *hashes}) == 4
    with pytest.raises(UsageError, match="prefill is white space"):
        parse_task({**answer_task(), "prefill": " \n"})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("models") / "chat", chat=True)


def plan(model: Path, out: Path, content: dict[str, Any], **options: Any) -> RunPlan:
    chosen = {"levels": ("clean",), "cache": False, "full": True, "instructions": "1", **options}
    config = RunConfig(model=str(model), tasks=(content["name"],), out=out, device="cpu", **chosen)
    return prepare(config, specs=(parse_task(content),))


@pytest.mark.parametrize("layout", ["plain", "chat"])
def test_texts_and_scores_are_those_of_a_plain_forward(
    model: Path, tmp_path: Path, layout: str
) -> None:
    content = choice_task(rows=4, field="choices", by="text") | {"prefill": "The city is"}
    made = plan(model, tmp_path / "run", content, prompt_format=layout, scorers=("loglik",))
    tools, (variant,) = made.tools["city"], made.plan.variants["city"]
    raw, torch_model = made.model.tokenizer._tokenizer, made.model._model  # type: ignore[attr-defined]
    samples: list[dict[Any, Any]] = execute(made, command="test").samples.to_dict("records")
    for sample in samples:
        example = next(one for one in made.plan.tasks[0].examples if one.id == sample["example_id"])
        prompt = tools.prompt(variant, example)
        assert prompt.endswith("Answer: The city is")
        begun = raw(prompt, add_special_tokens=layout == "plain")["input_ids"]
        for name, words in example.words.items():
            ids = raw(f"{prompt} {words}", add_special_tokens=layout == "plain")["input_ids"]
            with torch.no_grad():
                scores = torch_model(torch.tensor([ids])).logits[0].log_softmax(-1)
            said = sum(float(scores[at - 1, ids[at]]) for at in range(len(begun), len(ids)))
            assert sample["scores"][name] == pytest.approx(said, abs=1e-4)


def test_what_was_said_is_the_prefill_and_the_text(model: Path, tmp_path: Path) -> None:
    content = answer_task(rows=3) | {"prefill": "The city is "}
    made = plan(model, tmp_path / "run", content)
    tools, (variant,) = made.tools["free"], made.plan.variants["free"]
    raw, torch_model = made.model.tokenizer._tokenizer, made.model._model  # type: ignore[attr-defined]
    run = execute(made, command="test")
    assert run.manifest["tasks"]["free"]["prefill"] == "The city is "
    for sample in run.samples.itertuples():
        example = next(one for one in made.plan.tasks[0].examples if one.id == sample.example_id)
        ids = raw(tools.prompt(variant, example), add_special_tokens=False)["input_ids"]
        whole = torch_model.generate(
            torch.tensor([ids]), max_new_tokens=6, do_sample=False, pad_token_id=0
        )[0]
        rest = raw.decode(whole[len(ids) :], skip_special_tokens=True)
        assert sample.text == f"The city is{rest}"


def test_a_vocabulary_that_hides_a_first_space_keeps_it_here() -> None:
    raw = make_tokenizer("metaspace")
    tokenizer = HFTokenizer(raw)
    prompt, whole = tokenizer.encode(["Answer: Paris", "Answer: Paris is the"], special=True)
    rest = whole[len(prompt) :]
    assert raw.decode(rest) == "is the"
    assert tokenizer.decode_rest(rest) == " is the"
    assert HFTokenizer(make_tokenizer("bytes")).decode_rest([]) == ""


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        (CHAT_TEMPLATE, "<|user|>\nDo.\n\nIt.<|end|>\n<|assistant|>\nSo:"),
        (REASONS, "<|user|>\nDo.\n\nIt.<|end|>\n<|assistant|>\nSo:"),
        (SILENT, "[INST] Do.\n\nIt. [/INST]So:"),
    ],
)
def test_templates_say_where_an_answer_is_continued(template: str, prompt: str) -> None:
    raw = make_tokenizer(chat=True)
    raw.chat_template = template
    made = replace(prompter("chat", prefill="So:"), render_chat=HFTokenizer(raw).render_chat)
    assert made.prompt("Do.", "It.") == prompt


@pytest.mark.parametrize(
    ("begun", "text", "read"),
    [
        ("It is:\n\n", "Paris\n\nSo", "It is:\n\nParis"),
        ("<think>\n\n</think>\n\n", "Paris\n\nSo", "Paris"),
        ("<think>\n", "x\n\ny</think> Paris\n\nSo", "Paris"),
        ("It is", " Paris", "It is Paris"),
    ],
)
def test_a_stop_text_within_it_ends_nothing(begun: str, text: str, read: str) -> None:
    spec = AnswerSpec.model_validate({"grader": "exact", "stop": ["\n\n"]})
    reader = AnswerReader(spec, make_grader(spec), begun=begun)
    assert reader._before_stop(begun + text).strip() == read
    stops = StopTexts(("\n\n",), strip_reasoning=True, begun=begun)
    assert stops.is_in(begun + text) is ("So" in text)
    assert not stops.is_in(begun + "Par")


def test_generation_stops_at_an_answer_that_was_begun(model: Path, tmp_path: Path) -> None:
    ending: Callable[[str], bool] = (
        plan(model, tmp_path / "run", choice_task(rows=2) | {"prefill": "("}, scorers=("generate",))
        .tools["city"]
        .ending
    )
    assert ending("B)")
    assert not ending("B")


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    t5 = make_checkpoint(tmp_path / "t5", "t5", "ended")
    with pytest.raises(UsageError, match=r"has a prefill, and .* is an encoder-decoder"):
        plan(t5, tmp_path / "run", answer_task() | {"prefill": "So"})


def test_what_an_option_is_worth_alone_is_measured_after_it(model: Path, tmp_path: Path) -> None:
    content = choice_task(rows=2, field="choices", by="text", normalize="pmi")
    made = plan(model, tmp_path / "run", content | {"prefill": "It is"}, scorers=("loglik",))
    assert made.tools["city"].prompter.premise == "Answer: It is"


def test_check_task_shows_it() -> None:
    shown = preview_prompts(task_of(answer_task(), prefill="The city is"))
    assert all(text.endswith("The city is") for text in shown.values())
    assert shown["chat"].endswith("[assistant]\nAnswer: The city is")
