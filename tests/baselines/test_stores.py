"""Baselines come back to the byte from every kind of store, and a store that is harmed says so."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import fsspec
import pytest

from harness.baselines.store import Store, get_baseline, open_store, set_baseline
from harness.core.errors import MissingPackageError, NothingToEvaluateError, UsageError
from harness.results.manifest import SEALED
from harness.results.rundir import load_run
from tests.support.make_run import make_run
from tests.support.saved_runs import save_run

FILES = {"run.json", *SEALED}


@dataclass(frozen=True)
class Place:
    """An address, and where one stands to type it."""

    address: str
    folder: Path


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode()


@pytest.fixture(params=["folder", "memory", "branch", "remote branch"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    kind = str(request.param)
    here = tmp_path / "repo" / "deep"
    here.mkdir(parents=True)
    if "branch" in kind:
        git(tmp_path / "repo", "init", "-q")
    if kind == "remote branch":
        git(tmp_path, "init", "-q", "--bare", "server.git")
        git(tmp_path / "repo", "remote", "add", "origin", str(tmp_path / "server.git"))
    monkeypatch.chdir(here)
    address = {"folder": "baselines", "memory": f"memory://{tmp_path.name}"}.get(kind, "git:kept")
    yield Place(address, here)
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return _save(tmp_path / "run", "base")


def _save(folder: Path, model: str) -> Path:
    return save_run(make_run(folder, model=model, examples=12), folder)


def content(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_comes_back_to_the_byte(place: Place, run: Path, tmp_path: Path) -> None:
    store = open_store(place.address)
    assert list(store.list()) == []
    kept = set_baseline(store, run)
    assert list(open_store(place.address).list()) == [kept]
    fetched = get_baseline(open_store(place.address), tmp_path / "new" / "fetched")
    assert content(fetched.path) == {name: (run / name).read_bytes() for name in FILES}
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"fetched"}


def test_a_name_that_is_set_again_means_the_new_run(
    place: Place, run: Path, tmp_path: Path
) -> None:
    other = _save(tmp_path / "other", "other")
    store = open_store(place.address)
    set_baseline(store, run)
    set_baseline(store, run, "v1.0")
    set_baseline(store, other)
    assert [(one.name, one.run_id) for one in store.list()] == [
        ("main", load_run(other).manifest["run_id"]),
        ("v1.0", load_run(run).manifest["run_id"]),
    ]
    assert get_baseline(store, tmp_path / "back").manifest["model"]["name"] == "other"
    assert content(get_baseline(store, tmp_path / "v1", "v1.0").path).keys() == FILES


def test_git_keeps_one_commit_and_touches_neither_work_tree_nor_index(
    place: Place, run: Path
) -> None:
    if not place.address.startswith("git:"):
        pytest.skip("only of branches")
    (place.folder / "own.txt").write_text("mine")
    git(place.folder, "add", "own.txt")
    for _ in range(2):
        set_baseline(open_store(place.address), run)
    assert git(place.folder, "status", "--porcelain") == "A  deep/own.txt\n"
    remote = "origin/kept" if git(place.folder, "remote") else "kept"
    assert git(place.folder, "rev-list", "--count", remote).strip() == "1"


def test_what_is_not_there_is_said_with_what_is(place: Place, run: Path, tmp_path: Path) -> None:
    store = open_store(place.address)
    with pytest.raises(NothingToEvaluateError, match="it is empty"):
        get_baseline(store, tmp_path / "out")
    set_baseline(store, run)
    with pytest.raises(NothingToEvaluateError, match=r"it holds main\. Did you mean 'main'"):
        get_baseline(store, tmp_path / "out", "mian")
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(place: Place, run: Path) -> None:
    store = open_store(place.address)
    set_baseline(store, run)
    with pytest.raises(UsageError, match="is there already"):
        get_baseline(store, run)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "-x", "a b", ".hidden", "x" * 81, "a\n"])
def test_a_name_is_never_a_path(tmp_path: Path, run: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a baseline"):
        set_baseline(open_store(str(tmp_path / "store")), run, name)
    assert not (tmp_path / "store").exists()


def test_a_run_that_was_changed_in_the_store_is_refused(run: Path, tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    set_baseline(store, run)
    [kept] = (tmp_path / "store").glob("main-*/summary.json")
    kept.write_text(kept.read_text().replace("0.", "1.", 1))
    with pytest.raises(UsageError, match=r"summary\.json"):
        get_baseline(store, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "[]",
        "{}",
        json.dumps(
            {
                "baseline": {"name": "main", "run_id": "x", "model": "m", "bytes": 1},
                "folder": "..",
                "files": ["passwd"],
            }
        ),
    ],
)
def test_a_pointer_that_was_harmed_is_refused(tmp_path: Path, entry: str) -> None:
    (tmp_path / "main.json").write_text(entry)
    with pytest.raises(UsageError, match="not what `harness baseline set` writes"):
        open_store(str(tmp_path)).list()


@pytest.mark.parametrize(
    ("place", "value"),
    [(("folder",), ""), (("folder",), "old-1"), (("files",), [""]), (("baseline", "name"), "old")],
)
def test_a_pointer_to_what_is_another_names_is_refused_and_harms_nothing(
    tmp_path: Path, run: Path, place: tuple[str, ...], value: object
) -> None:
    store = open_store(str(tmp_path / "store"))
    for name in ("main", "old"):
        set_baseline(store, run, name)
    path = tmp_path / "store" / "main.json"
    entry = json.loads(path.read_text("utf-8"))
    part = entry
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    path.write_text(json.dumps(entry), encoding="utf-8")
    with pytest.raises(UsageError, match="not what `harness baseline set` writes"):
        get_baseline(store, tmp_path / "out")
    set_baseline(store, run, "main")
    assert {one.name for one in store.list()} == {"main", "old"}
    get_baseline(store, tmp_path / "out", "old")


def test_another_run_under_a_name_is_noticed(tmp_path: Path, run: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    set_baseline(store, run)
    set_baseline(store, _save(tmp_path / "other", "another"), "old")
    kept, other = (next((tmp_path / "store").glob(f"{name}-*")) for name in ("main", "old"))
    for file in kept.iterdir():
        file.write_bytes((other / file.name).read_bytes())
    with pytest.raises(UsageError, match=r"lists run .* as 'main', and holds"):
        get_baseline(store, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_store_that_cannot_be_had_says_why(tmp_path: Path, run: Path) -> None:
    with pytest.raises(UsageError, match="Protocol not known"):
        open_store("gopher://x/y")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be"):
        set_baseline(open_store(str(tmp_path / "file" / "store")), run)


@pytest.mark.skipif(find_spec("s3fs") is not None, reason="s3fs is installed")
def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(MissingPackageError, match="pip install s3fs"):
        open_store("s3://bucket/runs")


def test_a_branch_needs_a_repository_and_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UsageError, match="needs a git repository"):
        open_store("git:kept")
    with pytest.raises(UsageError, match="no name of a branch"):
        open_store("git:a..b")


def test_two_that_write_one_branch_at_once_lose_nothing(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q", "--bare", "server.git")
    for name in ("one", "two"):
        git(tmp_path, "clone", "-q", str(tmp_path / "server.git"), name)
    stores: dict[str, Store] = {}
    for name in ("one", "two"):
        monkeypatch.chdir(tmp_path / name)
        stores[name] = open_store("git:kept")
        set_baseline(stores[name], run, name)
    assert [one.name for one in stores["two"].list()] == ["one", "two"]
