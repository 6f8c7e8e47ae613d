"""Many runs as pages: what they say, where they link, who is answered."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread

import pytest

from harness.cli.app import run as harness
from harness.core.errors import ExitCode, UsageError
from harness.history.answer import answer
from harness.history.refresh import History, load_history
from harness.history.select import Selection
from reports.site.bundle import write_bundle
from reports.site.overview import Overview, report_folder
from reports.site.page import render_overview
from reports.site.server import PageServer, is_local, open_server
from reports.site.site import Site
from tests.history.conftest import save_dated
from tests.support.paths import ROOT

HOSTILE = '<img src=x onerror="alert(1)">&"\'</script>\u202e'


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three nightly runs, the last one harmed; one with a hostile name; one that is broken."""
    folder = tmp_path_factory.mktemp("site") / "runs"
    for day in (1, 2, 3):
        save_dated(folder, day, strength=1.0 if day < 3 else 5.0, examples=16)
    save_dated(folder / "<b>", 4, model=HOSTILE, examples=16)
    shutil.copytree(folder / "day-1", folder / "broken")
    (folder / "broken" / "summary.json").unlink()
    return folder


@pytest.fixture(scope="module")
def site(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_HISTORY_DIR", str(tmp_path_factory.mktemp("data")))
        yield Site(answer(load_history([runs]), Selection()))


@pytest.fixture(scope="module")
def small(site: Site) -> Site:
    """One of its runs: a report takes a second to make."""
    since = datetime(2026, 11, 3, tzinfo=UTC)
    entries = [run for run in site.answer.runs if run.model == "nightly"]
    history = History(site.answer.folders, tuple(entries), {}, ())
    return Site(answer(history, Selection(since=since)))


class Links(HTMLParser):
    """The links of a page, and the ids that it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.sources: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a":
            self.targets.append(found["href"] or "")
        self.ids.add(found.get("id") or "")
        self.sources += [found[name] or "" for name in ("src", "srcset") if name in found]


def test_the_overview_says_how_many_runs_and_where_it_changed(site: Site) -> None:
    view = Overview(site.answer)
    assert view.headline.startswith("4 finished runs of 2 models: 2 change points, the largest −")
    assert view.headline.endswith("(nightly, character, 3 November 2026).")
    assert len(view.headline.split()) <= 25
    assert "nightly of 3 November 2026, differs from the one before it" in view.detail
    assert [row.level for row in view.change_rows() if not row.worse] == []
    (broken,) = [row for row in view.run_rows() if row.state == "broken"]
    assert (broken.place, broken.link) == ("runs/broken", "")
    assert "summary.json is missing" in broken.note


def test_hostile_names_are_text_and_no_place_of_the_disk_is_told(site: Site, runs: Path) -> None:
    page = site.overview()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=&#34;" in page
    assert page.count("</script>") == 2
    assert "\u202e" not in page
    assert "⟨U+202E⟩" in page
    assert str(runs.parent) not in page
    links = Links(page)
    assert links.sources == []
    assert all(re.fullmatch(r"#\w+|runs/[a-z0-9-]+/report\.html", one) for one in links.targets)
    assert {one[1:] for one in links.targets if one.startswith("#")} <= links.ids


def test_runs_of_one_moment_are_drawn_in_their_order(site: Site) -> None:
    (figure,) = Overview(site.answer).figures
    assert (figure.dated, figure.by) == (True, "by date")
    trend = figure.trends[0]
    once = datetime(2026, 11, 1, tzinfo=UTC)
    for date in (once, None):
        points = tuple(replace(one, run=replace(one.run, date=date)) for one in trend.points)
        view = Overview(replace(site.answer, trends=(replace(trend, points=points),)))
        assert (view.figures[0].dated, view.figures[0].by) == (False, "run after run")
        spec = json.loads(re.findall(r'id="chart-data">(.*?)</script>', render_overview(view))[0])
        drawn = json.dumps(spec)
        assert '"field": "place"' in drawn
        assert '"field": "date"' not in drawn
        assert [int(one) for one in re.findall(r'"place": (\d+)', drawn)] == [1, 2, 3]


def test_the_page_lists_the_latest_change_points_and_says_so(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = Overview(site.answer)
    assert len(view.changes) == 2
    assert "These are the latest" not in render_overview(view)
    monkeypatch.setattr("reports.site.overview.CHANGES", 1)
    assert len(list(view.change_rows())) == 1
    assert "These are the latest 1 of 2;" in render_overview(view)


def test_a_report_s_folder_is_plain_and_no_two_are_alike() -> None:
    paths = ["/a/run", "/b/run", "/a/RUN", "/a/../run", "/a/\udcff", "/a/" + "x" * 300, "/a/<b>"]
    folders = [report_folder(path) for path in paths]
    assert len(set(folders)) == len(folders)
    assert all(re.fullmatch(r"runs/[a-z0-9-]{10,60}", one) for one in folders)


def test_a_bundle_opens_from_a_disk_every_link_leads_to_a_file(small: Site, tmp_path: Path) -> None:
    out = tmp_path / "site"
    written = write_bundle(small, out)
    assert written[-1] == out / "index.html"
    files = {path for path in out.rglob("*") if path.is_file()}
    assert files == set(written)
    targets = [one for one in Links(written[-1].read_text("utf-8")).targets if one[0] != "#"]
    assert {out / one for one in targets} == files - {written[-1]}
    assert not any(one.startswith("/") for one in targets)


def test_a_bundle_replaces_an_earlier_one_and_nothing_else(small: Site, tmp_path: Path) -> None:
    out = tmp_path / "site"
    first = write_bundle(small, out)
    old = out / "runs" / "gone-0123456789"
    shutil.copytree(first[0].parent, old)
    (out / "CNAME").write_text("example.org")
    assert write_bundle(small, out) == first
    assert not old.exists()
    assert (out / "CNAME").is_file()
    other = tmp_path / "mine"
    other.mkdir()
    (other / "index.html").write_text("<h1>My page</h1>")
    with pytest.raises(UsageError, match="holds other files than a bundle's"):
        write_bundle(small, other)
    assert (other / "index.html").read_text() == "<h1>My page</h1>"


def test_a_bundle_that_was_stopped_is_ended_by_the_same_call(small: Site, tmp_path: Path) -> None:
    def stop(name: str) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "site"
    out.mkdir()
    (out / f".{'0' * 16}.part").write_text("what a kill before the first page leaves")
    with pytest.raises(KeyboardInterrupt):
        write_bundle(small, out, on_file=stop)
    assert "the same command ends it" in (out / "index.html").read_text("utf-8")
    written = write_bundle(small, out)
    assert {path for path in out.rglob("*") if path.is_file()} == set(written)


@contextmanager
def served(site: Site) -> Iterator[PageServer]:
    with open_server(lambda: site, 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(
    server: PageServer, path: str, *, method: str = "GET", host: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", f"127.0.0.1:{server.server_port}" if host is None else host)
    connection.endheaders()
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, content


def test_the_server_answers_its_places_alone(site: Site, runs: Path) -> None:
    with served(site) as server:
        status, headers, page = ask(server, "/")
        assert status == 200
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert page.decode() == site.overview()
        report = next(one for one in Links(page.decode()).targets if "day-3" in one)
        status, headers, content = ask(server, f"/{report}?from=mail")
        assert status == 200
        assert b"Robustness of nightly" in content
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert ask(server, f"/{report}", method="HEAD")[2] == b""
        for path in (
            "/../../etc/passwd", "//etc/passwd", "/runs/../index.html", f"/{report}/../run.json",
            "/%2e%2e/%2e%2e/etc/passwd", f"/{report.replace('report.html', 'run.json')}",
            f"{runs}/day-1/run.json", "/runs", "/\x7f", "http://[", "/report.html\x00",
        ):  # fmt: skip
            assert ask(server, path.replace("\x00", "%00").replace("\x7f", "%7f"))[0] == 404, path
        assert ask(server, "/", method="POST")[0] == 501


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "10.0.0.1"])
def test_a_host_of_another_name_is_refused(site: Site, host: str) -> None:
    assert not is_local(host)
    with served(site) as server:
        assert ask(server, "/", host=host)[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9000", "LOCALHOST", "[::1]:8731"])
def test_names_of_the_loopback_are_answered(host: str) -> None:
    assert is_local(host)


def test_a_run_that_is_gone_is_a_line(site: Site, runs: Path, tmp_path: Path) -> None:
    moved = tmp_path / "day-2"
    with served(site) as server:
        folder = report_folder(str(runs / "day-2"))
        (runs / "day-2").rename(moved)
        try:
            status, _, content = ask(server, f"/{folder}/report.html")
        finally:
            moved.rename(runs / "day-2")
        assert status == 500
        assert content.decode().endswith("day-2 is gone.\n")


def test_it_listens_on_the_loopback_alone_and_offers_the_next_free_port(site: Site) -> None:
    with open_server(lambda: site, 0) as server:
        assert server.server_address[0] == "127.0.0.1"
        port = server.server_port
        with pytest.raises(UsageError, match=f"port {port} cannot be used") as caught:
            open_server(lambda: site, port)
        offered = int(str(caught.value.hint).split()[-1])
        assert offered > port
        open_server(lambda: site, offered).server_close()


def test_ctrl_c_ends_it_cleanly(runs: Path, tmp_path: Path) -> None:
    script = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's & ignores it
        "from harness.cli.app import main\n"
        f"main(['view', {str(runs)!r}, '--port', '0'])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=ROOT, env={"HARNESS_HISTORY_DIR": str(tmp_path), "PATH": "", "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        port = int(url.rstrip("/").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30):
            process.send_signal(2)
            out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (0, "", "ended\n")


def test_the_commands_as_they_are_typed(
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(tmp_path / "data"))
    out = tmp_path / "site"
    arguments = ["bundle", str(runs), "--model", "nightly", "--since", "2026-11-03", "--out"]
    assert harness([*arguments, str(out), "--json"]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert told["index"] == str(out / "index.html")
    assert len(told["files"]) == 2
    assert harness([*arguments, str(runs)]) == ExitCode.USAGE
    assert "holds other files" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert harness(["view", str(runs), "--port", str(port)]) == ExitCode.USAGE
    assert f"port {port} cannot be used" in capsys.readouterr().err
