"""Two jobs never write to one folder at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.lock import lock_folder

HOLD = """
import sys, time
from pathlib import Path
from harness.core.lock import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no locks of folders there")


def test_a_folder_is_refused_while_another_process_has_it_and_free_after_a_kill(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "new/run"
    with subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=r"another process.*--out"), lock_folder(folder):
            pass
        holder.kill()
    with lock_folder(folder):
        assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"), lock_folder(tmp_path / "file/run"):
        pass


def test_a_folder_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, flags: int) -> int:  # root, who may run this, reads every folder
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with (
        pytest.raises(UsageError, match="cannot be read: Permission denied"),
        lock_folder(tmp_path),
    ):
        pass
