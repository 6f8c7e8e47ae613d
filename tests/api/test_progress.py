"""Progress of a call: a bar in a notebook, nothing in a script, whatever the caller wants."""

from __future__ import annotations

import builtins
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from harness.api.progress import NotebookProgress, in_notebook, to_progress
from harness.core.progress import NoProgress
from harness.core.progress_bar import BarProgress, LineProgress


class ZMQInteractiveShell:
    """What a notebook's kernel calls its shell."""


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A notebook's page, as often as it was written."""
    written: list[str] = []

    def show(html: str, **_: Any) -> SimpleNamespace:
        written.append(html)
        return SimpleNamespace(update=written.append)

    display = SimpleNamespace(HTML=str, display=show)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=display))
    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    return written


def test_a_script_shows_nothing_unless_asked() -> None:
    assert not in_notebook()
    assert isinstance(to_progress(None), NoProgress)
    assert isinstance(to_progress(False), NoProgress)
    assert isinstance(to_progress(True), BarProgress | LineProgress)
    own = NoProgress()
    assert to_progress(own) is own


def test_a_notebook_shows_a_bar(pages: list[str]) -> None:
    assert in_notebook()
    assert isinstance(to_progress(False), NoProgress)
    bar = to_progress(None)
    assert isinstance(bar, NotebookProgress)
    bar.start(10)
    bar.note("a <b>note</b>")
    bar.doing("sentiment", "word")
    bar.advance(4)
    bar.stop()
    assert "value=4 max=10" in pages[-1]
    assert "4 of 10 cells" in pages[-1]
    assert "stopped" in pages[-1]
    assert "a &lt;b&gt;note&lt;/b&gt;" in pages[-1]
    bar.reuse(6)
    bar.stop()
    assert "done: 10 of 10 cells (100%), 6 of them reused" in pages[-1]
