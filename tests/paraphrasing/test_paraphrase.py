"""Paraphrases by a model: filters, banks, seeded sampling, and what a run makes of a bank."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from harness.cli.app import run as run_cli
from harness.core.errors import UsageError
from harness.core.records import Request
from harness.evaluation.variants import VariantOptions, build_variants
from harness.models.contract import Asked, Sampling
from harness.paraphrasing import (
    Bank,
    Filters,
    ParaphraseConfig,
    Writer,
    add_bank,
    as_writer,
    judge,
    read_bank,
    write_bank,
    write_paraphrases,
)
from harness.paraphrasing.filters import placeholders, read_answer
from harness.tasks import Task, load_tasks
from perturbations import select
from tests.support.checkpoints import save_tiny_llama
from tests.support.parrot import Parrot
from tests.support.victims import write_task

ORIGINAL = "Decide whether the review below is 'positive' or 'negative' about the film."
LABELS = ("negative", "positive")
GOOD = "Tell me if the following film review sounds 'negative' or 'positive'."


@pytest.fixture
def task(tmp_path: Path) -> Task:
    path = write_task(tmp_path, examples=8)
    loaded = load_tasks(suite=None, names=(str(path),), data_dir=None, few_shot=False)[0]
    return replace(loaded, instructions=loaded.instructions[:1])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (GOOD, None),
        ("", "empty"),
        ("...", "empty"),
        (f"{GOOD} {GOOD} {GOOD}", "too long"),
        ("Tell me if this review sounds good or 'positive'.", "label word lost"),
        ("Tell me if {review} sounds 'negative' or 'positive'.", "placeholder lost or added"),
        (
            "Rewrite the following instruction. Keep 'negative' and 'positive' in it.",
            "meta-instruction repeated",
        ),
        ("Keep 'negative', 'positive' exactly as written.", "meta-instruction repeated"),
        (ORIGINAL, "near-duplicate"),
        (ORIGINAL.replace("below", "Below").replace(".", "!"), "near-duplicate"),
    ],
)
def test_the_first_filter_that_applies_is_named(answer: str, reason: str | None) -> None:
    assert judge(answer, ORIGINAL, label_words=LABELS).rejected == reason


def test_a_lost_placeholder_is_seen() -> None:
    original = "Does {premise} entail {hypothesis}? Say 'yes' or 'no'."
    lost = "Does the premise entail {hypothesis}? Say 'yes' or 'no' now."
    doubled = "Does {premise} follow {premise} or {hypothesis}? Say 'yes' or 'no'."
    for text in (lost, doubled):
        judged = judge(text, original, label_words=("yes", "no"))
        assert judged.rejected == "placeholder lost or added"
    assert placeholders(original) == {"{premise}": 1, "{hypothesis}": 1}


def test_a_repetition_of_another_paraphrase_is_a_near_duplicate() -> None:
    again = GOOD.replace("Tell me", "tell me ")
    assert judge(again, ORIGINAL, label_words=LABELS, known=[GOOD]).rejected == "near-duplicate"


def test_another_meaning_is_rejected_by_its_cosine() -> None:
    judged = judge(GOOD, ORIGINAL, label_words=LABELS, similarity=lambda *_: 0.3)
    assert (judged.rejected, judged.similarity) == ("another meaning", 0.3)
    lenient = Filters(min_similarity=0.2)
    assert (
        judge(
            GOOD, ORIGINAL, label_words=LABELS, filters=lenient, similarity=lambda *_: 0.3
        ).rejected
        is None
    )


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        f'"{GOOD}"',
        f"Sure! Here is a paraphrase: {GOOD}",
        f"Here's the reworded instruction:\n\n{GOOD}\n\nI kept the labels.",
        f"1. {GOOD}\n2. Something else.",
        f"- {GOOD}",
        f"Rewritten instruction: {GOOD}",
        f"New instruction:\n“{GOOD}”",
    ],
)
def test_the_instruction_is_found_in_an_answer(answer: str) -> None:
    assert read_answer(answer) == GOOD


class Saved(list[Bank]):
    """The banks that were saved on the way; stops the work after so many."""

    def __init__(self, limit: int = 10_000) -> None:
        super().__init__()
        self._limit = limit

    def __call__(self, bank: Bank) -> None:
        self.append(bank)
        if len(self) >= self._limit:
            raise KeyboardInterrupt


REWORDED = ("Judge what the critic thought.", "Tell how the movie was received.", "Rate it: 'bad'.")


def test_a_bank_holds_what_passed_and_counts_what_did_not(task: Task) -> None:
    writer = Parrot([*REWORDED, "The film is fine.", ""])
    bank = write_paraphrases(writer, task, ParaphraseConfig(per_instruction=3, rounds=2))
    (part,) = bank.parts
    assert set(bank.parts[part]) == set(REWORDED[:2])
    assert len(bank.paraphrases["task-1"]) == 3
    for text in bank.paraphrases["task-1"]:
        assert text.startswith(REWORDED[:2])
        assert "positive" in text
        assert "negative" in text
    assert sum(bank.rejected.values()) + 2 == len(writer.asked)


def test_only_parts_without_protected_spans_are_shown_to_the_model(task: Task) -> None:
    writer = Parrot([REWORDED[0]])
    bank = write_paraphrases(writer, task, ParaphraseConfig(per_instruction=1))
    prompt, sampling = writer.asked[0]
    (part,) = bank.parts
    assert f'"{part}"' in prompt
    assert "positive" not in prompt.rpartition("request")[2]
    assert sampling.temperature == 0.5


def test_all_temperatures_are_tried_with_seeds_of_their_own(task: Task) -> None:
    writer = Parrot([""])
    write_paraphrases(writer, task, ParaphraseConfig(rounds=1))
    assert [sampling.temperature for _, sampling in writer.asked[::8]] == [0.5, 0.8, 1.0]
    assert len(set(writer.seeds)) == len(writer.seeds)


def test_the_same_seed_gives_the_same_bank(task: Task) -> None:
    banks = [write_paraphrases(Parrot(REWORDED), task, ParaphraseConfig(seed=s)) for s in (1, 1)]
    assert banks[0] == banks[1]


def test_a_stopped_work_goes_on_where_it_was(task: Task, tmp_path: Path) -> None:
    lines = ["", "No.", "Hm?", *REWORDED, "Well.", "Yes, it is."]
    config = ParaphraseConfig(per_instruction=50, rounds=2)
    whole = write_paraphrases(Parrot(lines), task, config)
    saved = Saved(limit=3)
    with pytest.raises(KeyboardInterrupt):
        write_paraphrases(Parrot(lines), task, config, save=saved)
    write_bank(saved[-1], tmp_path / "bank.yaml")
    writer = Parrot(lines)
    begun = read_bank(tmp_path / "bank.yaml")
    assert write_paraphrases(writer, task, config, begun=begun) == whole
    assert len(writer.asked) == (6 - 3) * 8  # six draws in all, three were done


def test_a_bank_of_other_settings_is_not_gone_on_with(task: Task) -> None:
    bank = write_paraphrases(Parrot(REWORDED), task, ParaphraseConfig(seed=1))
    with pytest.raises(UsageError, match="with other settings") as error:
        write_paraphrases(Parrot(REWORDED), task, ParaphraseConfig(seed=2), begun=bank)
    assert error.value.hint is not None
    assert "--fresh" in error.value.hint


def test_a_bank_survives_its_file(task: Task, tmp_path: Path) -> None:
    bank = write_paraphrases(Parrot(REWORDED), task, ParaphraseConfig(per_instruction=1))
    write_bank(bank, tmp_path / "bank.yaml")
    assert read_bank(tmp_path / "bank.yaml") == bank
    provenance = yaml.safe_load((tmp_path / "bank.yaml").read_text())["provenance"]
    assert provenance["fingerprint"] == "touchy"
    assert provenance["temperatures"] == [0.5, 0.8, 1.0]


def test_a_bank_adds_to_the_task_s_own(task: Task) -> None:
    originals = {one.id: one.text for one in task.instructions}
    bank = Bank(task.name, originals, {"task-1": (GOOD,)})
    (banked,) = add_bank([task], bank)
    assert banked.paraphrases["task-1"] == (*task.paraphrases["task-1"], GOOD)


def test_a_bank_without_a_task_goes_by_the_instruction_s_text(task: Task) -> None:
    bank = Bank(None, {"any": task.instructions[0].text}, {"any": (GOOD,)})
    (banked,) = add_bank([task], bank)
    assert banked.paraphrases["task-1"] == (*task.paraphrases["task-1"], GOOD)
    assert not banked.model_written
    with pytest.raises(UsageError, match="has none of the instructions of reviews"):
        add_bank([task], Bank(None, {"any": "Another."}, {"any": (GOOD,)}))


def test_a_model_s_paraphrases_are_known_as_such(task: Task) -> None:
    originals = {"any": task.instructions[0].text}
    bank = Bank(None, originals, {"any": (GOOD,)}, provenance={"model": "m"})
    (banked,) = add_bank([replace(task, paraphrases={})], bank)
    assert banked.model_written == {GOOD}
    perturbations = select(levels=("semantic",)).perturbations
    for known, source in ((banked, "model"), (replace(banked, model_written=frozenset()), "bank")):
        made = build_variants(known, perturbations, VariantOptions(seed=0)).variants
        sources = {variant.perturbation: variant.semantic_source for variant in made}
        assert sources.pop("clean") is None
        assert sources.pop("paraphrase") == source
        assert set(sources.values()) == {"rules"}


@pytest.mark.parametrize(
    ("bank", "message"),
    [
        (Bank("other", {}, {}), "is of task 'other'"),
        (Bank("reviews", {"task-2": "x"}, {}), "'task-2', which is no instruction.*'task-1'"),
        (Bank("reviews", {"task-1": "x"}, {}), "rewords another text"),
    ],
)
def test_a_bank_that_does_not_fit_is_an_error(task: Task, bank: Bank, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        add_bank([task], bank)


def test_a_file_that_is_no_bank_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "bank.yaml"
    path.write_text("task: reviews\n")
    with pytest.raises(UsageError, match="bank"):
        read_bank(path)


@pytest.mark.parametrize(
    "temperatures", [(), (0.0,), (-1.0, 1.0), (float("nan"),), (0.5, float("inf"))]
)
def test_a_temperature_must_be_above_0(task: Task, temperatures: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="temperatures must be above 0"):
        write_paraphrases(Parrot([GOOD]), task, ParaphraseConfig(temperatures=temperatures))


def test_the_command_checks_its_temperatures(tmp_path: Path) -> None:
    path = write_task(tmp_path, examples=8)
    arguments = ["paraphrase", "--model", "x", "--task", str(path), "--temperatures", "warm"]
    assert run_cli(arguments) == 2


def test_draws_follow_the_model_s_probabilities() -> None:
    import torch

    from harness.models.inference.sampling import GumbelNoise

    shares = torch.tensor([0.6, 0.3, 0.1])
    noise = GumbelNoise(Sampling(1.0), range(4000))
    drawn = noise(torch.zeros(4000, 1), shares.log().expand(4000, 3)).argmax(-1)
    found = torch.bincount(drawn, minlength=3) / 4000
    torch.testing.assert_close(found, shares, atol=0.03, rtol=0.0)


def test_a_temperature_sharpens_or_flattens_them() -> None:
    import torch

    from harness.models.inference.sampling import GumbelNoise

    logits = torch.tensor([0.6, 0.4]).log().expand(2000, 2)
    first = []
    for temperature in (0.25, 1.0, 4.0):
        drawn = GumbelNoise(Sampling(temperature), range(2000))(torch.zeros(2000, 1), logits)
        first.append(float((drawn.argmax(-1) == 0).float().mean()))
    assert first[0] > first[1] > first[2]
    assert first[0] == pytest.approx(0.6**4 / (0.6**4 + 0.4**4), abs=0.04)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Writer:
    from harness.models import ModelSpec, load_model

    folder = tmp_path_factory.mktemp("tiny")
    save_tiny_llama(folder)
    loaded = load_model(ModelSpec(str(folder), dtype="float32", device="cpu"))
    assert isinstance(loaded, Writer)
    return loaded


class TestSampling:
    def test_a_seed_decides_the_text(self, model: Writer) -> None:
        context = _tokens(model, "the review")
        sampling = Sampling(1.0, max_new_tokens=12)
        one, two, other = (model.sample([context], [seed], sampling)[0] for seed in (3, 3, 4))
        assert one == two != other

    def test_the_rest_of_the_batch_does_not(self, model: Writer) -> None:
        contexts = [_tokens(model, text) for text in ("the review", "a film that", "the review")]
        sampling = Sampling(1.0, max_new_tokens=12)
        together = model.sample(contexts, [1, 2, 3], sampling)
        alone = [
            model.sample([c], [s], sampling)[0] for c, s in zip(contexts, (1, 2, 3), strict=True)
        ]
        assert together == alone

    def test_a_cold_sample_is_the_greedy_text(self, model: Writer) -> None:
        context = _tokens(model, "the review")
        cold = model.sample([context], [5], Sampling(1e-4, max_new_tokens=8))[0]
        generate = model.generate  # type: ignore[attr-defined]
        greedy = dict(generate([context], max_new_tokens=8, is_done=lambda _: False))
        assert cold == greedy[0].text

    def test_the_nucleus_leaves_out_what_is_unlikely(self, model: Writer) -> None:
        context = _tokens(model, "the review")
        narrow = model.sample([context] * 40, range(40), Sampling(1.0, 1e-6, max_new_tokens=1))
        assert len(set(narrow)) == 1

    def test_the_global_generator_is_left_as_it_was(self, model: Writer) -> None:
        import torch

        state = torch.random.get_rng_state()
        model.sample([_tokens(model, "the review")], [1], Sampling(1.0, max_new_tokens=4))
        assert torch.equal(state, torch.random.get_rng_state())


def _tokens(model: Writer, text: str) -> Request:
    return model.tokenizer.requests([Asked(text)])[0]


def test_what_cannot_reword_is_named() -> None:
    with pytest.raises(UsageError, match="my/t5 cannot go on with a text"):
        as_writer(object(), "my/t5")
