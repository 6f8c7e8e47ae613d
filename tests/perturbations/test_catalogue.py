from __future__ import annotations

import importlib.util
import json
import lzma
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from harness.core.errors import MissingPackageError, UnknownNameError, UsageError
from harness.core.records import PERTURBED_LEVELS, LeftOut, Level
from perturbations import REGISTRY, Perturbation, find, load_plugin, select
from perturbations.resources import MissingDataError
from tests.support.paths import ROOT

PLUGIN = ROOT / "tests" / "plugin_example"
NEEDS_DATA = {"wordnet", "counterfitted"}


def names(*levels: str, data_dir: Path | None = None) -> list[str]:
    return [one.name for one in select(levels=levels, data_dir=data_dir).perturbations]


def own(level: Level) -> list[Perturbation]:
    found = [find(name) for name in REGISTRY.names()]
    return [one for one in found if one.level == level]


@pytest.fixture
def words_dir(tmp_path: Path) -> Path:
    """A data folder with the two word files, empty."""
    (tmp_path / "words").mkdir()
    for name in ("wordnet30_synonyms", "counterfitted_neighbors"):
        with lzma.open(tmp_path / "words" / f"{name}.json.xz", "wt") as stream:
            json.dump({}, stream)
    return tmp_path


def test_every_level_has_perturbations_named_and_described_in_one_line() -> None:
    for level in PERTURBED_LEVELS:
        assert len(own(level)) >= 8
        for one in own(level):
            assert REGISTRY.get(one.name) is one
            assert one.name == one.name.lower()
            assert " " not in one.name
            assert "+" not in one.name
            assert one.description.endswith(".")
            assert "\n" not in one.description
            assert one.amount


@pytest.mark.parametrize("level", ["character", "word"])
def test_every_description_names_its_source(level: Level) -> None:
    for one in own(level):
        assert any(char.isdigit() for char in one.description), one.name


def test_levels_select_all_that_they_hold_in_order_of_level() -> None:
    assert names("character") == [one.name for one in own("character")]
    assert names("semantic", "character") == names("character") + names("semantic")
    assert names("all") == [name for level in PERTURBED_LEVELS for name in names(level)]
    assert names() == names("clean") == []


def test_what_needs_data_is_left_out_on_record_or_taken_with_them(words_dir: Path) -> None:
    without = select(levels=["word"])
    assert NEEDS_DATA.isdisjoint(one.name for one in without.perturbations)
    assert {
        LeftOut("wordnet", "word", "data", "words/wordnet30_synonyms.json.xz"),
        LeftOut("counterfitted", "word", "data", "words/counterfitted_neighbors.json.xz"),
    } <= set(without.left_out)
    given = select(levels=["word"], data_dir=words_dir)
    assert {one.name for one in given.perturbations} >= NEEDS_DATA


def test_what_needs_data_is_an_error_when_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"no data folder was given.*--data-dir"):
        select(names=["wordnet"])
    with pytest.raises(MissingDataError, match="does not hold it"):
        select(names=["wordnet"], data_dir=tmp_path)
    with pytest.raises(MissingDataError):
        select(stacks=["keyboard+wordnet"])


def test_what_needs_a_missing_package_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install"):
        select(names=["inflection"])
    left_out = select(levels=["word"]).left_out
    assert LeftOut("inflection", "word", "package", "lemminflect") in left_out


def test_names_and_stacks_are_added_to_levels_each_once() -> None:
    chosen = select(levels=["character"], names=["swap", "filler"], stacks=["swap+filler"])
    found = [one.name for one in chosen.perturbations]
    assert sorted(found) == sorted([*names("character"), "filler", "swap+filler"])
    assert [one.name for one in select(names=["swap", "swap+drop"]).perturbations] == [
        "swap",
        "swap+drop",
    ]


def test_unknown_names_and_levels_offer_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'keyboard'"):
        select(names=["keybord"])
    with pytest.raises(UnknownNameError, match="Did you mean 'character'"):
        select(levels=["charakter"])


def test_what_rewrites_instructions_is_not_applied_to_inputs() -> None:
    selection = select(levels=["semantic"], target="input")
    assert all(one.on_input for one in selection.perturbations)
    assert LeftOut("paraphrase", "semantic", "target", "input") in selection.left_out
    with pytest.raises(UsageError, match="cannot be applied to 'input'"):
        select(names=["paraphrase"], target="input")


_LIST_NAMES = """
from perturbations import REGISTRY, find, perturb_text
print(REGISTRY.names()[-1], perturb_text("Hear me", find("shout"), seed=1).text)
"""


@pytest.fixture
def installed_plugin(tmp_path: Path) -> Path:
    """What installing the example package puts on the path: its module and its entry points."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    header = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(header)
    points = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(points))
    (tmp_path / "shouting.py").write_text((PLUGIN / "shouting.py").read_text())
    return tmp_path


def run_with(path: Path, code: str) -> subprocess.CompletedProcess[str]:
    root = str(ROOT)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), root])}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )


def test_an_installed_package_adds_its_perturbation(installed_plugin: Path) -> None:
    done = run_with(installed_plugin, _LIST_NAMES)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("shout Hear me!")


def test_pip_installs_the_example_package(tmp_path: Path) -> None:
    if not all(map(importlib.util.find_spec, ("pip", "setuptools"))):
        pytest.skip("pip and setuptools are what installs it offline")
    # What is built lies in the copy.
    source = shutil.copytree(PLUGIN, tmp_path / "source")
    target = tmp_path / "installed"
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *options, str(source)]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    done = run_with(target, _LIST_NAMES)
    assert done.stdout.startswith("shout Hear me!"), done.stderr


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("SHOUT = 3", "is a int, not a Perturbation"),
        ("import no_such_module", "cannot be loaded"),
        ("", "cannot be loaded"),
    ],
)
def test_a_package_that_fails_is_named(installed_plugin: Path, module: str, message: str) -> None:
    (installed_plugin / "shouting.py").write_text(module)
    code = (
        "from harness.core.errors import UsageError\nfrom perturbations import find\n"
        "try:\n    find('shout')\nexcept UsageError as error:\n    print(error)"
    )
    done = run_with(installed_plugin, code)
    assert "'shout'" in done.stdout, done.stderr
    assert message in done.stdout


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry, put back as it was after the test."""
    monkeypatch.setattr(REGISTRY, "_things", dict(REGISTRY._things))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


@pytest.mark.usefixtures("registry")
def test_a_plugin_file_adds_its_perturbations_once() -> None:
    (shout,) = load_plugin(PLUGIN / "shouting.py")
    assert find("shout") is shout
    assert load_plugin(PLUGIN / "shouting.py") == (shout,)
    assert "shout" in names("character")


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1", "PERTURBATIONS"),
        ("PERTURBATIONS = 3", "PERTURBATIONS"),
        ("PERTURBATIONS = [3]", "is a int, not a Perturbation"),
        ("1 / 0", "ZeroDivisionError"),
        ("def", "SyntaxError"),
        (
            "from perturbations import Perturbation\n"
            "PERTURBATIONS = [Perturbation('swap', 'word', 'd', lambda s, r: None)]",
            "perturbation 'swap' already",
        ),
    ],
)
def test_a_plugin_file_that_cannot_be_used_says_why(
    tmp_path: Path, code: str, message: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(code)
    for _ in range(2):
        with pytest.raises(UsageError, match=message):
            load_plugin(path)


def test_a_missing_plugin_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"plug-in not found.*nowhere\.py"):
        load_plugin(tmp_path / "nowhere.py")
