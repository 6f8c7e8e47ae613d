"""A served model against the same model here: equal numbers by every way that a server offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.core.errors import UsageError
from harness.core.records import Request, Turn
from harness.models import ModelSpec, load_model
from harness.models.contract import Asked, Sampling
from harness.models.inference.hf import HFModel
from harness.models.servers.model import ServedModel
from harness.models.spec import ServerSpec
from tests.support.kinds import answer_task, choice_task
from tests.support.served import EVERYTHING, NAME, TinyServer, serving, tiny
from tests.support.tiny_models import make_checkpoint

Serve = Callable[..., TinyServer]

SMALL: dict[str, Any] = {
    "limit": 4, "instructions": 2, "levels": "clean", "progress": False, "full": True,
    "resamples": 100, "max_new_tokens": 12,
}  # fmt: skip

HARDLY: dict[frozenset[str], tuple[str, str, str, str]] = {
    EVERYTHING: ("exact", "echo", "tokens", "tokens"),
    EVERYTHING - {"echo"}: ("exact", "forced", "tokens", "tokens"),
    EVERYTHING - {"tokens", "template"}: ("exact", "echo", "text", "messages"),
    EVERYTHING - {"tokens", "template", "echo"}: ("top", "none", "text", "messages"),
    EVERYTHING - {"echo", "forced"}: ("top", "none", "tokens", "tokens"),
    EVERYTHING - {"echo"} | {"biased"}: ("top", "none", "tokens", "tokens"),
    EVERYTHING - {"top"}: ("none", "none", "tokens", "tokens"),
    frozenset({"models", "chat"}): ("none", "none", "messages", "messages"),
    frozenset({"completions"}): ("none", "none", "text", "text"),
}
"""What a server has -> likelihood, way, plain prompts, chat prompts."""


@pytest.fixture(autouse=True)
def _private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("model"), chat=True)


@pytest.fixture(scope="module")
def local(checkpoint: Path) -> HFModel:
    return tiny(checkpoint)


@pytest.fixture
def serve(local: HFModel) -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(serving(TinyServer(local, **more)))


def load(server: TinyServer, **more: Any) -> ServedModel:
    spec = ModelSpec(f"openai:{NAME}", server=ServerSpec(base_url=server.url, **more))
    model = load_model(spec)
    assert isinstance(model, ServedModel)
    return model


ASKED = [
    Asked("Review: A warm film. Sentiment:", {"p": " positive", "n": " negative"}),
    Asked("Review: It goes nowhere. Sentiment:", {"p": " positive", "x": " yes, positive maybe"}),
    Asked("Is it", {"a": "", "b": " Paris"}),
]


@pytest.mark.parametrize("offers", HARDLY, ids=lambda offers: "+".join(sorted(offers)))
def test_a_probe_finds_what_a_server_does(serve: Serve, offers: frozenset[str]) -> None:
    offer = load(serve(offers=offers)).info.offer
    assert (offer.likelihood, offer.way, offer.prompt, offer.chat) == HARDLY[offers]


def test_what_was_tried_is_said(serve: Serve) -> None:
    model = load(serve(offers=EVERYTHING - {"echo", "tokens"}))
    (note,) = model.notes
    assert "tokens is not there, template works, echo is ignored" in note
    biased = load(serve(offers=EVERYTHING - {"echo"} | {"biased"}))
    assert "forced counts into the probability" in biased.notes[0]


@pytest.mark.parametrize(
    "offers",
    [
        EVERYTHING,
        EVERYTHING - {"echo"},
        EVERYTHING - {"tokens", "template"},
    ],
    ids=["echo of tokens", "forced", "echo of text"],
)
def test_label_likelihoods_are_those_of_the_model(
    serve: Serve, local: HFModel, offers: frozenset[str]
) -> None:
    model = load(serve(offers=offers))
    asked = ASKED[:2] if model.info.offer.prompt == "text" else ASKED
    ours = dict(local.loglik(local.tokenizer.requests(asked)))
    theirs = dict(model.loglik(model.tokenizer.requests(asked)))
    for place in range(len(asked)):
        assert theirs[place].scores == pytest.approx(dict(ours[place].scores or {}), abs=1e-3)


def test_texts_are_those_of_the_model(serve: Serve, local: HFModel) -> None:
    wanted = dict(
        local.generate(
            local.tokenizer.requests(ASKED[:2]), max_new_tokens=8, is_done=lambda _: False
        )
    )
    for offers in (EVERYTHING, frozenset({"completions"})):
        model = load(serve(offers=offers))
        requests = model.tokenizer.requests(ASKED[:2])
        assert dict(model.generate(requests, max_new_tokens=8, is_done=lambda _: False)) == wanted


def test_the_cue_closes_the_last_turn_where_a_server_lays_out_turns(serve: Serve) -> None:
    model = load(serve(offers=frozenset({"models", "chat"})))
    turns = (Turn("user", "What is it?"),)
    asked = Asked("…", {"a": " x"}, turns=turns, opening="Answer:", special=False)
    plain = Asked("What is it? Answer:")
    assert model.tokenizer.requests([asked, plain]) == [
        Request(turns=(Turn("user", "What is it?\nAnswer:"),), answers={"a": " x"}),
        Request(turns=(Turn("user", "What is it? Answer:"),)),
    ]


@pytest.mark.parametrize("offers", [{"models", "chat"}, {"models", "chat", "completions"}])
def test_a_prefill_is_refused_where_a_server_begins_answers_itself(
    serve: Serve, tmp_path: Path, offers: set[str]
) -> None:
    server = serve(offers=frozenset(offers))
    task = answer_task(rows=4) | {"prefill": "The city is"}
    with pytest.raises(UsageError, match=r"begin with 'The city is' .* a chat itself") as caught:
        harness.run(server.url, tasks=task, out=tmp_path / "run", **SMALL)
    completes = "completions" in offers
    assert ("prompt_format plain" in (caught.value.hint or "")) is completes
    assert not (tmp_path / "run").exists()
    if completes:
        harness.run(
            server.url, tasks=task, out=tmp_path / "run", **SMALL | {"prompt_format": "plain"}
        )
        prompts = [body["prompt"] for path, body in server.asked if "prompt" in body]
        assert sum(one.endswith("Answer: The city is") for one in prompts) == 8


def test_samples_have_their_place(serve: Serve) -> None:
    model = load(serve())
    requests = model.tokenizer.requests(ASKED)
    texts = model.sample(requests, [1, 2, 3], Sampling(0.7, 0.9, max_new_tokens=4))
    assert len(texts) == 3
    chat = load(serve(offers=frozenset({"models", "chat"})))
    with pytest.raises(UsageError, match="lays out chats itself, and paraphrases"):
        chat.sample(chat.tokenizer.requests(ASKED[:1]), [1], Sampling(0.7))


@pytest.mark.parametrize(
    ("offers", "layout"),
    [(EVERYTHING, "plain"), (EVERYTHING - {"echo"}, "chat")],
    ids=["echo", "forced"],
)
def test_a_run_has_the_summary_of_the_model_here(
    serve: Serve, checkpoint: Path, tmp_path: Path, offers: frozenset[str], layout: Any
) -> None:
    options = {**SMALL, "prompt_format": layout, "tasks": "sentiment"}
    here = harness.run(checkpoint, device="cpu", out=tmp_path / "here", **options)
    server = serve(offers=offers)
    there = harness.run(server.url, out=tmp_path / "there", **options)
    assert _answers(there) == _answers(here)
    offer = there.manifest["model"]["offer"]
    assert offer["likelihood"] == "exact"
    assert there.manifest["usage"]["prompt_tokens"] > 0
    facts = (tmp_path / "there" / "report.md").read_text()
    assert "label likelihoods by a server" in facts


@pytest.mark.parametrize("content", [choice_task(), answer_task()], ids=["choices", "answer"])
def test_tasks_of_all_kinds_are_asked(
    serve: Serve, checkpoint: Path, tmp_path: Path, content: dict[str, Any]
) -> None:
    here = harness.run(checkpoint, tasks=content, device="cpu", out=tmp_path / "here", **SMALL)
    there = harness.run(serve().url, tasks=content, out=tmp_path / "there", **SMALL)
    assert _answers(there) == _answers(here)


@pytest.mark.parametrize(("strip_reasoning", "told"), [(False, ["e", "z"]), (True, None)])
def test_a_server_is_told_of_stop_texts_that_end_an_answer_wherever_they_stand(
    serve: Serve, checkpoint: Path, tmp_path: Path, *, strip_reasoning: bool, told: object
) -> None:
    tasks = answer_task(stop=["e", "z"], strip_reasoning=strip_reasoning)
    here = harness.run(checkpoint, tasks=tasks, device="cpu", out=tmp_path / "here", **SMALL)
    server = serve()
    there = harness.run(server.url, tasks=tasks, out=tmp_path / "there", **SMALL)
    asked = [body for _, body in server.asked if body.get("max_tokens") == 6]
    assert asked
    assert all(body.get("stop") == told for body in asked)
    assert _answers(there) == _answers(here)


def test_without_likelihoods_answers_are_read_from_text(serve: Serve, tmp_path: Path) -> None:
    server = serve(offers=frozenset({"models", "chat"}))
    run = harness.run(server.url, tasks="sentiment", out=tmp_path / "run", **SMALL)
    assert set(run.samples["scorer"]) == {"generate"}
    (note,) = [one for one in run.manifest["notes"] if "generated text alone" in one]
    assert "the server has no label likelihoods (tried: completions is not there, chat" in note
    with pytest.raises(UsageError, match="loglik: the server has no label likelihoods"):
        harness.run(server.url, tasks="sentiment", scorers="loglik", out=tmp_path / "no", **SMALL)


def test_only_plain_prompts_have_likelihoods_where_a_server_lays_out_turns(
    serve: Serve, tmp_path: Path
) -> None:
    url = serve(offers=EVERYTHING - {"tokens", "template"}).url
    options = {**SMALL, "tasks": "sentiment", "scorers": "loglik"}
    with pytest.raises(UsageError, match="with prompt_format plain alone"):
        harness.run(url, out=tmp_path / "chat", **options)
    run = harness.run(url, out=tmp_path / "plain", prompt_format="plain", **options)
    assert set(run.samples["scorer"]) == {"loglik"}
    per_token = {**SMALL, "tasks": choice_task(field="choices", normalize="token")}
    with pytest.raises(UsageError, match="the server does not show its tokens"):
        harness.run(url, out=tmp_path / "token", prompt_format="plain", **per_token)


def test_an_attack_needs_likelihoods(serve: Serve, tmp_path: Path) -> None:
    options: dict[str, Any] = {"budget": 40, "search_examples": 4, "report_examples": 4,
                               "level": "character", "progress": False}  # fmt: skip
    found = harness.attack(serve().url, "sentiment", tmp_path / "a", **options)
    assert found.report["status"] == "complete"
    with pytest.raises(UsageError, match="an attack follows the likelihoods of labels"):
        url = serve(offers=frozenset({"models", "chat"})).url
        harness.attack(url, "sentiment", tmp_path / "b", **options)


def test_a_served_model_is_known_by_where_it_is_and_how_it_is_asked(serve: Serve) -> None:
    one, other = serve(), serve()
    assert load(one).info.fingerprint == load(one).info.fingerprint
    assert load(one).info.fingerprint != load(other).info.fingerprint
    one.offers -= {"echo"}
    assert load(one).info.fingerprint != load(other).info.fingerprint


def _answers(run: harness.Run) -> list[tuple[object, ...]]:
    keys = ["task", "scorer", "variant_id", "example_id"]
    frame = run.samples[[*keys, "prediction", "score"]].astype(str).sort_values(keys)
    return [tuple(row) for row in frame.to_numpy()]


def test_a_wrong_key_and_a_wrong_name_cost_one_line(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(key="sk-right")
    monkeypatch.setenv("MY_KEY", "sk-wrong")
    with pytest.raises(UsageError, match=r"refuses the key: status 401, Incorrect") as raised:
        load(server, key_env="MY_KEY")
    assert "sk-wrong" not in str(raised.value)
    monkeypatch.setenv("MY_KEY", "sk-right")
    load(server, key_env="MY_KEY")
    misspelt = ModelSpec("openai:tiny-modle", server=ServerSpec(server.url, key_env="MY_KEY"))
    with pytest.raises(UsageError, match=r"'tiny-modle'\. Did you mean 'tiny-model'"):
        load_model(misspelt)
    with pytest.raises(UsageError, match="wants a key"):
        load_model(ModelSpec(server.url))


def test_a_server_of_another_kind_is_said(serve: Serve) -> None:
    url = serve(offers=frozenset()).url
    with pytest.raises(UsageError, match="neither completes texts nor answers chats"):
        load_model(ModelSpec("openai:m", server=ServerSpec(base_url=url)))
    with pytest.raises(UsageError, match="serves 0 models"):
        load_model(ModelSpec(url))
