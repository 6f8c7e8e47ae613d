"""Encoder-decoders: scores and texts are those of transformers, the encoder reads a prompt once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch

from harness.core.errors import UsageError
from harness.core.records import Request
from harness.models import ModelSpec, load_model
from harness.models.contract import Asked
from harness.models.inference.budget import Budget
from harness.models.inference.encoder import decoder_beginning
from harness.models.inference.encoder_decoder import EncoderDecoderModel
from harness.models.inference.encoder_probe import check_encoder
from harness.models.loading.adapter import put_beside
from harness.models.loading.encoder_decoder_tokenizer import EncoderDecoderTokenizer
from harness.models.loading.in_memory import lend
from tests.support.requests import INFO, scores_of, some_requests
from tests.support.tiny_models import (
    BOS_ID,
    ENCODER_DECODER_TOKENIZERS,
    ENCODER_DECODERS,
    END_ID,
    MAX_CONTEXT,
    make_checkpoint,
    make_model,
    make_tokenizer,
)

BEGINNINGS = {"t5": (0,), "flan": (0,), "bart": (END_ID, BOS_ID)}
NEW_TOKENS = 7
every = pytest.mark.parametrize("architecture", ENCODER_DECODERS)


def wrap(architecture: str, budget: Budget | None = None) -> EncoderDecoderModel:
    info = replace(INFO, architecture="encoder-decoder")
    tokenizer = EncoderDecoderTokenizer(make_tokenizer(ENCODER_DECODER_TOKENIZERS[architecture]))
    return EncoderDecoderModel(make_model(architecture), tokenizer, info, budget=budget)


@cache
def shared(architecture: str) -> EncoderDecoderModel:
    return wrap(architecture, Budget(tokens=400, logit_rows=40))


def plain_scores(architecture: str, request: Request) -> dict[str, float]:
    """One forward for each label, one at a time, of the decoder's whole input."""
    model, beginning = shared(architecture)._model, BEGINNINGS[architecture]
    scores = {}
    for label, continuation in request.continuations.items():
        with torch.inference_mode():
            logits = model(
                input_ids=torch.tensor([request.context]),
                decoder_input_ids=torch.tensor([beginning + continuation]),
            ).logits[0]
        chosen = logits.double().log_softmax(-1)[len(beginning) - 1 :]
        scores[label] = sum(float(chosen[step, token]) for step, token in enumerate(continuation))
    return scores


def texts(model: EncoderDecoderModel, requests: Sequence[Request]) -> list[str]:
    answers = model.generate(requests, max_new_tokens=NEW_TOKENS, is_done=lambda _: False)
    found = {index: response.text or "" for index, response in answers}
    return [found[index] for index in range(len(requests))]


@every
def test_scores_are_those_of_plain_forwards(architecture: str) -> None:
    requests = some_requests()
    for request, scores in zip(requests, scores_of(shared(architecture), requests), strict=True):
        assert list(scores) == list(request.continuations)
        assert scores == pytest.approx(plain_scores(architecture, request), abs=1e-4)


@every
def test_batches_of_one_and_of_many_give_the_same(architecture: str) -> None:
    requests = some_requests(1)
    one, many = (wrap(architecture, Budget(size, size)) for size in (1, 10_000))
    for small, large in zip(scores_of(one, requests), scores_of(many, requests), strict=True):
        assert small == pytest.approx(large, abs=1e-4)
    assert texts(one, requests) == texts(many, requests)


def test_the_encoder_reads_a_context_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = wrap("t5", Budget(10_000, 10_000))
    read: list[int] = []
    model._model.get_encoder().register_forward_hook(
        lambda _layer, _args, out: read.append(len(out.last_hidden_state))
    )
    first, second = some_requests()[:2]
    again = Request(first.context, {"other": (77, 78)})  # as calibration asks the same once more
    found = scores_of(model, [first, second, again])
    assert read == [2]
    assert found[2] == pytest.approx(plain_scores("t5", again), abs=1e-4)


@every
def test_texts_are_those_of_transformers(architecture: str) -> None:
    model, requests, plain = shared(architecture), some_requests(), wrap(architecture)
    plain._model.generation_config.forced_eos_token_id = None  # BART's, after so many tokens
    expected = []
    for request in requests:
        begun = torch.tensor([BEGINNINGS[architecture]])
        with torch.inference_mode():
            made = plain._model.generate(
                torch.tensor([request.context]),
                decoder_input_ids=begun,
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
            )[0, begun.shape[1] :].tolist()
        made = made[: made.index(END_ID)] if END_ID in made else made
        expected.append(model.tokenizer.decode(made))
    assert texts(model, requests) == expected
    assert len(set(expected)) > 5


def test_t5_begins_and_ends_as_transformers_does_by_itself() -> None:
    model, request = shared("t5"), some_requests()[3]
    made = model._model.generate(
        torch.tensor([request.context]), max_new_tokens=NEW_TOKENS, do_sample=False
    )[0]
    assert texts(model, [request]) == [model.tokenizer.decode(made.tolist())]


@every
def test_draws_follow_from_their_seeds_alone(architecture: str) -> None:
    requests = [some_requests()[0]] * 3 + some_requests()[1:3]

    def draw(seeds: list[int], size: int) -> list[str]:
        model = wrap(architecture, Budget(size, size))
        drawn = model.draw(
            requests, seeds, temperature=1.0, max_new_tokens=5, is_done=lambda _: False
        )
        found = {index: response.text or "" for index, response in drawn}
        return [found[index] for index in range(len(requests))]

    once = draw([1, 2, 3, 4, 5], 10_000)
    assert once == draw([1, 2, 3, 4, 5], 1)
    assert once[:3] == draw([3, 2, 1, 4, 5], 10_000)[2::-1]
    assert len(set(once[:3])) > 1


def test_what_a_decoder_begins_with() -> None:
    model = make_model("bart")
    assert decoder_beginning(model, (BOS_ID,)) == (END_ID, BOS_ID)
    assert decoder_beginning(model, (END_ID,)) == (END_ID,)  # not twice
    model.generation_config.forced_bos_token_id = 7
    assert decoder_beginning(model, (BOS_ID,)) == (END_ID, 7)
    for settings in (model.generation_config, model.config):
        settings.decoder_start_token_id = settings.bos_token_id = None
    with pytest.raises(UsageError, match=r"decoder_start_token_id.*generation_config"):
        decoder_beginning(model, ())


@pytest.mark.parametrize(("kind", "opening"), [("ended", ()), ("wrapped", (BOS_ID,))])
def test_an_answer_is_a_text_of_its_own(kind: str, opening: tuple[int, ...]) -> None:
    raw = make_tokenizer(kind)
    tokenizer = EncoderDecoderTokenizer(raw)
    prompt = "Decide. Sentiment:"
    (request,) = tokenizer.requests([Asked(prompt, {"pos": " positive", "neg": " negative"})])
    assert list(request.context) == raw(prompt)["input_ids"]
    assert request.context[-1] == END_ID
    assert tokenizer.opening == opening
    # What transformers trains a decoder on is the answer between what stands around any text.
    whole = raw(text_target="positive")["input_ids"]
    assert [*opening, *request.continuations["pos"], END_ID] == whole
    assert tokenizer.count([prompt], special=True) == [len(request.context)]


def test_a_chat_template_writes_its_own_tokens() -> None:
    tokenizer = EncoderDecoderTokenizer(make_tokenizer("ended"))
    (request,) = tokenizer.requests([Asked("<|user|>", {"a": "positive"}, special=False)])
    assert END_ID not in request.context


def test_answers_that_the_tokenizer_cannot_tell_apart_are_refused() -> None:
    raw = make_tokenizer("metaspace")  # it has no byte for what it has not seen
    tokenizer = EncoderDecoderTokenizer(raw)
    with pytest.raises(UsageError, match="'是' and '否' as the same tokens"):
        tokenizer.requests([Asked("a", {"yes": "是", "no": "否"})])
    with pytest.raises(UsageError, match="no token for the answer"):
        tokenizer.requests([Asked("a", {"yes": " "})])
    # Two options that are the same text are no mistake of the tokenizer's.
    (request,) = tokenizer.requests([Asked("a", {"A": "positive", "B": " positive"})])
    assert len(set(request.continuations.values())) == 1


def test_prompt_and_answer_have_a_context_each() -> None:
    model = shared("bart")
    longest = Request((5,) * MAX_CONTEXT, {"long": (6,) * (MAX_CONTEXT - 2)})
    assert scores_of(model, [longest])[0] == pytest.approx(
        plain_scores("bart", Request(longest.context, {"long": longest.continuations["long"]})),
        rel=1e-4,
    )
    with pytest.raises(UsageError, match=rf"prompt needs {MAX_CONTEXT + 1} tokens.* tiny takes"):
        list(model.loglik([Request((5,) * (MAX_CONTEXT + 1), {"a": (6,)})]))
    with pytest.raises(UsageError, match=rf"an answer needs {MAX_CONTEXT + 1} tokens"):
        list(model.loglik([Request((5,), {"long": (6,) * (MAX_CONTEXT - 1)})]))
    with pytest.raises(UsageError, match="no token"):
        list(model.loglik([Request((), {"a": (1,)})]))


@every
def test_a_checkpoint_is_loaded_like_any_other(architecture: str, tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, architecture, ENCODER_DECODER_TOKENIZERS[architecture])
    model = load_model(ModelSpec(str(folder), device="cpu"))
    assert model.info.architecture == "encoder-decoder"
    assert model.info.max_context == MAX_CONTEXT
    requests = some_requests()[:3]
    for request, (_, response) in zip(
        requests, sorted(model.loglik(requests), key=lambda one: one[0]), strict=True
    ):
        assert response.scores == pytest.approx(plain_scores(architecture, request), abs=1e-4)


def test_a_model_in_memory_answers_as_its_checkpoint_does() -> None:
    request = some_requests()[0]
    with lend(make_model("t5"), make_tokenizer("ended"), name="mine") as model:
        assert model.info.architecture == "encoder-decoder"
        ((_, response),) = model.loglik([request])
    assert response.scores == pytest.approx(plain_scores("t5", request), abs=1e-4)


def test_a_model_that_cannot_be_asked_in_batches_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make_model("t5")
    encoder = model.get_encoder()
    read = type(encoder).forward

    def blind(self: torch.nn.Module, *args: object, **named: object) -> object:
        padded = named.pop("attention_mask", None) is not None and self is encoder
        output = read(self, *args, **named)
        if padded and len(output.last_hidden_state) > 1:
            output.last_hidden_state = output.last_hidden_state.flip(0)
        return output

    monkeypatch.setattr(type(encoder), "forward", blind)
    with pytest.raises(UsageError, match="t5 models can't be run: batches change"):
        check_encoder(model, (0,))
    monkeypatch.setattr(type(encoder), "forward", lambda self, **_: self.nothing)
    with pytest.raises(UsageError, match=r"t5 models can't be run: its code.*AttributeError"):
        check_encoder(model, (0,))


def complaint(folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load_model(ModelSpec(str(folder), device="cpu"))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_an_encoder_decoder_that_hears_is_refused(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, "t5", "ended")
    (folder / "config.json").write_text('{"model_type": "whisper"}')
    assert "reads no text" in complaint(folder)


def test_pickled_weights_are_refused_with_the_line_that_converts_them(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, "t5", "ended")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"")
    assert "AutoModelForSeq2SeqLM" in complaint(folder)


def test_missing_tensors_are_named(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, "t5", "ended")
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "num_layers": 3}))
    assert "lack" in complaint(folder)


@pytest.mark.parametrize(("base", "other"), [("llama", "t5"), ("t5", "llama")])
def test_an_adapter_of_the_other_architecture_is_refused(
    base: str, other: str, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model

    task = "SEQ_2_SEQ_LM" if other == "t5" else "CAUSAL_LM"
    settings = LoraConfig(task_type=task, target_modules="all-linear")
    get_peft_model(make_model(other), settings).save_pretrained(str(tmp_path / "lora"))
    make_checkpoint(tmp_path / "base", base, "ended")
    with pytest.raises(UsageError, match=rf"{task}.*base.*{base} model"):
        load_model(ModelSpec(str(tmp_path / "lora"), base=str(tmp_path / "base"), device="cpu"))
    with pytest.raises(UsageError, match=rf"{task}.*{base} model"):  # beside its base, as merged
        put_beside(make_model(base), tmp_path / "lora", base="base")


@every
def test_an_adapter_answers_merged_as_it_does_beside_its_base(
    architecture: str, tmp_path: Path
) -> None:
    from peft import LoraConfig, get_peft_model

    folder = make_checkpoint(
        tmp_path / "base", architecture, ENCODER_DECODER_TOKENIZERS[architecture]
    )
    targets = ["q_proj", "v_proj", "lm_head"] if architecture == "bart" else ["q", "v", "lm_head"]
    settings = LoraConfig(task_type="SEQ_2_SEQ_LM", target_modules=targets, init_lora_weights=False)
    adapted = get_peft_model(make_model(architecture), settings).eval()
    adapted.save_pretrained(str(tmp_path / "lora"), save_embedding_layers=False)
    model = load_model(ModelSpec(str(tmp_path / "lora"), base=str(folder), device="cpu"))
    request = some_requests()[0]
    beginning = BEGINNINGS[architecture]
    with torch.inference_mode():
        logits = adapted(
            input_ids=torch.tensor([request.context]), decoder_input_ids=torch.tensor([beginning])
        ).logits[0, -1]
    ((_, response),) = model.loglik([Request(request.context, {"a": (11,), "b": (12,)})])
    expected = logits.log_softmax(-1)[[11, 12]].tolist()
    assert list((response.scores or {}).values()) == pytest.approx(expected, abs=1e-3)
