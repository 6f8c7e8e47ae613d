"""The application: whole where help is asked for, one module of it where a command is typed."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from harness.cli.app import COMMANDS, make_app, run
from harness.core.errors import ExitCode

NAMES = {module: names for modules in COMMANDS.values() for module, names in modules.items()}


def names_of(app: typer.Typer) -> set[str]:
    commands = {str(one.name) for one in app.registered_commands}
    return commands | {str(one.name) for one in app.registered_groups}


@pytest.mark.parametrize("module", NAMES)
def test_the_table_names_the_commands_of_a_module(module: str) -> None:
    alone = typer.Typer()
    importlib.import_module(f"harness.cli.{module}").register(alone)
    assert names_of(alone) == set(NAMES[module])
    for name in NAMES[module]:
        assert names_of(make_app(name)) == set(NAMES[module])


def test_a_question_takes_no_stop(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["hisotry"]) == ExitCode.USAGE
    assert "Did you mean 'history'? Type: harness --help." in capsys.readouterr().err


def test_mistakes_of_a_task_have_a_line_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = tmp_path / "bad.yaml"
    task.write_text("nam: x\nlabel_feld: y\n", encoding="utf-8")
    assert run(["run", "--model", "m", "--task", str(task)]) == ExitCode.USAGE
    first, *mistakes = capsys.readouterr().err.splitlines()
    assert first.endswith("mistakes:")
    assert "  line 2: unknown key 'label_feld'. Did you mean 'label_field' or 'labels'?" in mistakes


def test_a_wrong_value_is_named_by_the_option_that_was_typed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["run", "--model", "m", "--metric", ""]) == ExitCode.USAGE
    assert "error: --metric ['']: an empty text names nothing." in capsys.readouterr().err


@pytest.mark.parametrize("typed", [None, "--help", "hisotry", "", "following"])
def test_what_is_no_command_has_all_of_them(typed: str | None) -> None:
    assert names_of(make_app(typed)) == {name for names in NAMES.values() for name in names}


def test_a_command_loads_no_other_one() -> None:
    script = (
        "import sys; from harness.cli.app import run; run(['history', '--help']);"
        "print([one for one in sys.modules if one in ('harness.cli.training', 'reports.view')],"
        "file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"
