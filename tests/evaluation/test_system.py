"""System texts and conversations: where they stand, what is perturbed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.api.tasks import parse_task
from harness.core.errors import UsageError
from harness.core.records import Cell, Example, Turn
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.plan import perturb_example
from harness.evaluation.prepare import RunPlan, prepare
from harness.prompting.prompts import Prompter
from harness.tasks.conversation import read_turns
from harness.tasks.load import build_task
from perturbations import find
from tests.support.tiny_models import CHAT_TEMPLATE, make_checkpoint

SYSTEM = "You are the help desk of a small bank. Be brief and polite."
TALK = [
    {"role": "user", "content": "My card is lost."},
    {"role": "assistant", "content": "When did you see it last?"},
    {"role": "user", "content": "This morning."},
]
IGNORES_SYSTEM = (
    "{% for message in messages if message['role'] != 'system' %}"
    "<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
NO_SYSTEM = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def content(**changes: Any) -> dict[str, Any]:
    return {
        "name": "desk",
        "system": SYSTEM,
        "messages": "talk",
        "labels": ["yes", "no"],
        "instructions": ["Is this urgent? Say 'yes' or 'no'."],
        "source": {
            "rows": [{"talk": [*TALK[:2], {"role": "user", "content": f"On day {n}."}],
                      "label": ("yes", "no")[n % 2]} for n in range(6)]
        },
        **changes,
    }  # fmt: skip


def turns_of(messages: Any) -> str:
    return json.dumps(list(messages))


def chat(**changes: Any) -> list[dict[str, str]]:
    made: dict[str, Any] = {"answer_cue": "", "verbalizer_of": {"yes": "yes"}, "system": SYSTEM}
    prompter = Prompter("chat", render_chat=turns_of, **(made | changes))
    turns = tuple(Turn(**one) for one in TALK)
    shown: list[dict[str, str]] = json.loads(
        prompter.prompt("Do.", "…", turns=turns).removesuffix(prompter.answer_cue)
    )
    return shown


def test_a_chat_shows_system_and_turns_the_instruction_with_the_user() -> None:
    said = [(one["role"], one["content"]) for one in chat()]
    assert said == [
        ("system", SYSTEM),
        ("user", "Do.\n\nMy card is lost."),
        ("assistant", "When did you see it last?"),
        ("user", "This morning."),
    ]
    assert chat(placement="last")[-1]["content"] == "This morning.\n\nDo."


def test_without_a_system_role_its_text_opens_the_users_first_turn() -> None:
    said = chat(has_system_role=False)
    assert [one["role"] for one in said] == ["user", "assistant", "user"]
    assert said[0]["content"] == f"{SYSTEM}\n\nDo.\n\nMy card is lost."


def test_few_shot_conversations_are_shown_as_turns_with_their_answers() -> None:
    told = {"role": "system", "content": "Quote the day."}
    turns = tuple(Turn(**one) for one in (told, *TALK))
    shot = Example("s", {}, "…", "yes", turns=turns)
    said = [(one["role"], one["content"]) for one in chat(shots=(shot,), answer_cue="Urgent:")]
    assert said[:6] == [
        ("system", SYSTEM),
        ("user", "Do.\n\nQuote the day.\n\nMy card is lost."),
        ("assistant", "When did you see it last?"),
        ("user", "This morning."),
        ("assistant", "Urgent: yes"),
        ("user", "My card is lost."),
    ]


def test_layouts_without_turns_show_the_transcript() -> None:
    task = build_task(parse_task(content()), Path("desk.yaml"), data_dir=None)
    first = task.examples[0]
    assert first.input == (
        "User: My card is lost.\nAssistant: When did you see it last?\nUser: On day 0."
    )
    prompt = Prompter("plain", "Urgent:", {}, system=SYSTEM).prompt(
        "Do.", first.input, turns=first.turns
    )
    assert prompt == f"{SYSTEM}\n\nDo.\n\n{first.input}\nUrgent:"


@pytest.mark.parametrize(
    ("talk", "message"),
    [
        (TALK[1:], "begins with the assistant, where the user was expected"),
        (TALK[:2], "ends with the assistant, so nothing is asked"),
        ([TALK[0], TALK[0]], "has, as turn 2, one of the user, where the assistant was expected"),
        ([{"role": "bot", "content": "x"}], "has the role 'bot' in message 1; roles are system"),
        ([{"role": "user"}], "message 1, no mapping of role and content"),
        ("hello", "has no list of messages in the field 'talk'"),
        ([{"role": "system", "content": "x"}], "ends with the assistant, so nothing|must speak"),
    ],
)
def test_what_is_no_conversation_is_refused_with_its_row(talk: Any, message: str) -> None:
    rows = [{"talk": TALK, "label": "yes"}, {"talk": talk, "label": "no"}]
    with pytest.raises(UsageError, match=f"desk.yaml: row 2 .*({message})"):
        build_task(parse_task(content(source={"rows": rows})), Path("desk.yaml"), data_dir=None)


def test_perturbing_the_input_leaves_roles_alone() -> None:
    from harness.core.records import Variant

    task = build_task(parse_task(content()), Path("desk.yaml"), data_dir=None)
    variant = Variant("v", "desk", "character", "keyboard", "task-1", 0, 3, "Do.", "Do.")
    moved = perturb_example(task, variant, task.examples[0], find("keyboard"))
    assert [turn.role for turn in moved.turns] == ["user", "assistant", "user"]
    assert moved.turns != task.examples[0].turns
    assert moved.turns == read_turns(moved.fields["talk"], "talk")


TEMPLATES = {"with": CHAT_TEMPLATE, "without": NO_SYSTEM, "ignores": IGNORES_SYSTEM}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    made = {}
    for name, template in TEMPLATES.items():
        made[name] = make_checkpoint(folder / name, chat=True)
        (made[name] / "chat_template.jinja").write_text(template, encoding="utf-8")
    return made


def plan(model: Path, out: Path, task: dict[str, Any], **options: Any) -> RunPlan:
    chosen = {"perturbations": ("keyboard",), "cache": False, "full": True, **options}
    config = RunConfig(model=str(model), tasks=("desk",), out=out, device="cpu", **chosen)
    return prepare(config, specs=(parse_task(task),))


def test_a_template_without_a_system_role_is_said(models: dict[str, Path], tmp_path: Path) -> None:
    found = {name: plan(path, tmp_path / name, content()) for name, path in models.items()}
    said = "the model's chat template has no system role, so the system text opens"
    assert not any(said in note for note in found["with"].notes)
    assert any(said in note for note in found["without"].notes)
    assert any(said in note for note in found["ignores"].notes)


def test_the_system_text_is_perturbed_and_the_instruction_stays(
    models: dict[str, Path], tmp_path: Path
) -> None:
    made = plan(models["with"], tmp_path / "run", content(), target="system")
    clean, *perturbed = made.plan.variants["desk"]
    tools, example = made.tools["desk"], made.plan.tasks[0].examples[0]
    assert clean.text == content()["instructions"][0]
    assert SYSTEM in tools.prompt(clean, example)
    for variant in perturbed:
        assert variant.original == SYSTEM
        prompt = tools.prompt(variant, example)
        assert variant.text in prompt
        assert SYSTEM not in prompt
        assert clean.text in prompt
    requests = tools.requests([Cell(variant, example) for variant in made.plan.variants["desk"]])
    assert len({request.context for request in requests}) == len(requests)
    run = execute(made, command="test")
    assert set(run.summary.perturbations) == {"keyboard"}
    assert run.manifest["tasks"]["desk"]["system"] == SYSTEM


def test_a_target_that_is_not_there_is_refused(models: dict[str, Path], tmp_path: Path) -> None:
    bare = {name: value for name, value in content().items() if name != "system"}
    with pytest.raises(UsageError, match=r"--target system: task 'desk' has no system text"):
        plan(models["with"], tmp_path / "run", bare, target="system")


def test_a_replayed_system_text_needs_the_instruction_beside_it(
    models: dict[str, Path], tmp_path: Path
) -> None:
    row = {"task": "desk", "level": "word", "perturbation": "mine", "text": "Be kind."}
    file = tmp_path / "variants.jsonl"
    options: dict[str, Any] = {"variants": file, "perturbations": ()}
    file.write_text(json.dumps({**row, "target": "system", "instruction_id": "task-1"}))
    made = plan(models["with"], tmp_path / "run", content(), **options)
    (variant,) = made.plan.variants["desk"]
    prompt = made.tools["desk"].prompt(variant, made.plan.tasks[0].examples[0])
    assert "Be kind." in prompt
    assert content()["instructions"][0] in prompt
    file.write_text(json.dumps({**row, "target": "system"}))
    with pytest.raises(UsageError, match=r"line 1: a system text stands beside an instruction"):
        plan(models["with"], tmp_path / "run", content(), **options)


@pytest.mark.parametrize(
    ("target", "changed"),
    [
        ("system+instruction", {"system", "instruction"}),
        ("system+input", {"system", "input"}),
        ("all", {"system", "instruction", "input"}),
        ("both", {"instruction", "input"}),
    ],
)
def test_targets_are_combined(
    models: dict[str, Path], tmp_path: Path, target: str, changed: set[str]
) -> None:
    given = content(instructions=["Decide whether this is urgent. Say 'yes' or 'no'."])
    made = plan(models["with"], tmp_path / "run", given, target=target)
    clean, *perturbed = made.plan.variants["desk"]
    tools = made.tools["desk"]
    assert perturbed
    for variant in perturbed:
        assert variant.target == target
        blocks = [block for block in made.plan.blocks(100) if block.variant.id == variant.id]
        cell = next(cell for block in blocks for cell in block.cells())
        plain = next(one for one in made.plan.tasks[0].examples if one.id == cell.example.id)
        prompt = tools.prompt(variant, cell.example)
        kept = {"system": SYSTEM, "instruction": clean.text, "input": plain.turns[0].content}
        assert {name for name, text in kept.items() if text not in prompt} == changed
    again = plan(models["with"], tmp_path / "again", given, target=target)
    assert again.plan.variants == made.plan.variants
    run = execute(made, command="test")
    replay = tmp_path / "replay"
    options: dict[str, Any] = {"variants": run.path / "variants.jsonl", "perturbations": ()}
    replayed = plan(models["with"], replay, given, **options)
    assert set(replayed.plan.variants["desk"]) == set(made.plan.variants["desk"])
