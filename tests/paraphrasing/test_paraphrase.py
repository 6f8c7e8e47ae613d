"""Paraphrases by a model: filters, banks, seeded sampling, and what a run makes of a bank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from harness.cli.app import run as run_cli
from harness.core.errors import UsageError
from harness.models import ModelInfo
from harness.models.contract import Sampling
from harness.paraphrasing import (
    Bank,
    Filters,
    ParaphraseConfig,
    Writer,
    add_bank,
    judge,
    read_bank,
    write_bank,
    write_paraphrases,
)
from harness.paraphrasing.filters import placeholders, read_answer
from harness.tasks import Task, load_tasks
from tests.support.checkpoints import save_tiny_llama
from tests.support.victims import CharTokenizer, TouchyModel, write_task

ORIGINAL = "Decide whether the review below is 'positive' or 'negative' about the film."
LABELS = ("negative", "positive")
GOOD = "Tell me if the following film review sounds 'negative' or 'positive'."


class Parrot:
    """A writer that answers with the next of its lines, and remembers what it was asked."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.info: ModelInfo = TouchyModel().info
        self.tokenizer = CharTokenizer()
        self.asked: list[tuple[str, Sampling]] = []
        self.seeds: list[int] = []
        self._lines = list(lines)

    def sample(
        self, contexts: Sequence[tuple[int, ...]], seeds: Sequence[int], sampling: Sampling
    ) -> list[str]:
        self.asked += [(self.tokenizer.decode(context), sampling) for context in contexts]
        self.seeds += seeds
        return [self._lines[seed % len(self._lines)] for seed in seeds]


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


def test_a_bank_holds_what_passed_and_counts_what_did_not(task: Task) -> None:
    writer = Parrot([GOOD, "Rate it.", ""])
    bank = write_paraphrases(writer, task, ParaphraseConfig(per_instruction=3, rounds=2))
    assert bank.paraphrases == {"task-1": (GOOD,)}
    assert set(bank.rejected) == {"empty", "label word lost", "near-duplicate"}
    assert sum(bank.rejected.values()) + 1 == len(writer.asked) == 2 * 3 * 5


def test_the_prompt_names_what_must_stay(task: Task) -> None:
    writer = Parrot([GOOD])
    write_paraphrases(writer, task, ParaphraseConfig(per_instruction=1))
    prompt, sampling = writer.asked[0]
    assert "Keep 'negative', 'positive' exactly as written." in prompt
    assert task.instructions[0].text in prompt
    assert sampling.temperature == 0.7


def test_all_meta_instructions_and_temperatures_are_tried(task: Task) -> None:
    writer = Parrot([""])
    write_paraphrases(writer, task, ParaphraseConfig(rounds=1))
    assert {sampling.temperature for _, sampling in writer.asked} == {0.7, 1.0, 1.3}
    assert len({prompt for prompt, _ in writer.asked}) == 5
    assert len(set(writer.seeds)) == len(writer.seeds)


def test_the_same_seed_gives_the_same_bank(task: Task) -> None:
    lines = [GOOD, "Is this a 'positive' or a 'negative' opinion of a film?", "no"]
    banks = [write_paraphrases(Parrot(lines), task, ParaphraseConfig(seed=s)) for s in (1, 1)]
    assert banks[0] == banks[1]


def test_a_bank_survives_its_file(task: Task, tmp_path: Path) -> None:
    bank = write_paraphrases(Parrot([GOOD]), task, ParaphraseConfig(per_instruction=1))
    write_bank(bank, tmp_path / "bank.yaml")
    assert read_bank(tmp_path / "bank.yaml") == bank
    provenance = yaml.safe_load((tmp_path / "bank.yaml").read_text())["provenance"]
    assert provenance["fingerprint"] == "touchy"
    assert provenance["temperatures"] == [0.7, 1.0, 1.3]


def test_a_bank_adds_to_the_task_s_own(task: Task) -> None:
    originals = {one.id: one.text for one in task.instructions}
    bank = Bank(task.name, originals, {"task-1": (GOOD,)})
    (banked,) = add_bank([task], bank)
    assert banked.paraphrases["task-1"] == (*task.paraphrases["task-1"], GOOD)


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


@pytest.mark.parametrize("temperatures", [(), (0.0,), (-1.0, 1.0)])
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
        from harness.core.records import Request

        context = _tokens(model, "the review")
        cold = model.sample([context], [5], Sampling(1e-4, max_new_tokens=8))[0]
        generate = model.generate  # type: ignore[attr-defined]
        greedy = dict(generate([Request(context)], max_new_tokens=8, is_done=lambda _: False))
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


def _tokens(model: Writer, text: str) -> tuple[int, ...]:
    return tuple(model.tokenizer.encode([text], special=True)[0])
