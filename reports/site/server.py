"""Serves a site to the browser of this machine, and to nobody else.

The server listens on the loopback address alone. A page of another site could still send a browser
here under a name of its own that resolves to 127.0.0.1 (DNS rebinding); so only requests are
answered whose Host is a name of the loopback. What is asked for is looked up among the site's
places and is never a path.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from harness.core.errors import HarnessError, UsageError
from harness.history.stamp import stamp
from reports.site.site import INDEX, Site, report_files

HOST: Final = "127.0.0.1"
PORT: Final = 8731
TRIED: Final = 20
"""Ports tried from the wanted one on."""
_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_KEPT: Final = 16
"""Reports kept in memory."""
_TYPES: Final = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageServer(ThreadingHTTPServer):
    """Answers with the pages of a site, made when they are asked for.

    Args:
        site: what is answered with until an overview is asked for.
        load: the site as it is now, for every overview.
        port: where to listen; 0 for any free port.

    Raises:
        OSError: the port is in use.
    """

    daemon_threads = True
    # On Windows this would let two programs listen on one port.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, site: Site, load: Callable[[], Site], port: int) -> None:
        self._site = site
        self._load = load
        self._lock = Lock()
        self._report = lru_cache(_KEPT)(lambda run, _stamp: report_files(run))
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """The address to open."""
        return f"http://{HOST}:{self.server_port}/"

    def page(self, place: str) -> str | None:
        """The page at a place; None where there is none.

        Raises:
            HarnessError: a run can no longer be read.
        """
        with self._lock:  # charts and pages are made one at a time
            if place in ("", INDEX):
                self._site = self._load()
                return self._site.overview()
            folder, _, name = place.rpartition("/")
            run = self._site.folders().get(folder)
            return None if run is None else self._files(run).get(name)

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over a browser that has gone; what else happens is a bug and is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def _files(self, run: Path) -> dict[str, str]:
        try:
            now = stamp(run)
        except OSError:
            raise UsageError(f"{run} is gone.") from None
        return self._report(run, now)


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = 30
    server_version = "robustness-harness"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing: a terminal is no place for what a browser sends."""

    def _answer(self, *, with_body: bool) -> None:
        status, content, ending = self._find()
        body = content.encode("utf-8", "backslashreplace")
        self.send_response(status)
        self.send_header("Content-Type", _TYPES.get(ending, "text/plain; charset=utf-8"))
        self.send_header("Content-Length", str(len(body)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _find(self) -> tuple[HTTPStatus, str, str]:
        """Status, content and ending of what is asked for."""
        if not is_local(self.headers.get("Host", "")):
            return HTTPStatus.FORBIDDEN, "this server answers this machine alone\n", ".txt"
        place = self.path.partition("?")[0].removeprefix("/")
        try:
            content = self.server.page(place)
        except HarnessError as error:
            return HTTPStatus.INTERNAL_SERVER_ERROR, f"{error.message}\n", ".txt"
        if content is None:
            return HTTPStatus.NOT_FOUND, "no such page\n", ".txt"
        return HTTPStatus.OK, content, Path(place or INDEX).suffix


def is_local(host: str) -> bool:
    """Whether a Host header names the loopback, on whatever port.

    Example:
        >>> [is_local(host) for host in ("localhost:8731", "[::1]:80", "evil.example:8731", "")]
        [True, True, False, False]
    """
    try:
        return urlsplit(f"//{host}").hostname in _NAMES
    except ValueError:
        return False


def open_server(load: Callable[[], Site], port: int | None) -> PageServer:
    """A server on a port, or on the first free one from 8731 on.

    Raises:
        UsageError: the port is in use; the message names the next free one.
    """
    site = load()
    wanted = PORT if port is None else port
    for tried in range(wanted, min(wanted + TRIED, 65536)):
        try:
            server = PageServer(site, load, tried)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            continue
        if port is None or port in (0, tried):
            return server
        server.server_close()
        raise UsageError(
            f"port {port} cannot be used: another program listens there, or it is reserved.",
            hint=f"Type: --port {tried}",
        )
    raise UsageError(f"no port from {wanted} on is free.", hint="Type: --port 0 for any free one.")
