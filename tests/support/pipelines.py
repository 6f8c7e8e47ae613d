"""Runs the shell of CI pipelines as their servers would: the same lines, shells and variables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

STAND_INS = {
    # What it would install is there already, and nothing is reached from here.
    "python": '#!/bin/sh\ntest "$1 $2" = "-m pip" || exec "{python}" "$@"\n',
    "python3": '#!/bin/sh\ntest "$1 $2" = "-m venv" || exec "{python}" "$@"\n',
    "harness": '#!/bin/sh\nexec "{python}" -m harness.cli "$@"\n',
    "gh": '#!/bin/sh\nprintf "%s\\n" "$*" >> "{log}"\n'
    'case "$*" in *--paginate*) cat "{log}.comment" 2>/dev/null; exit 0;; esac\n'
    'echo 4711 > "{log}.comment"\n',
}


@dataclass(frozen=True)
class Runner:
    """A CI server's machine: a clone of the repository, and stand-ins for pip and GitHub."""

    repository: Path
    tools: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, repository: Path, tools: Path, **environment: str) -> Runner:
        """A runner whose stand-ins lie in a folder `tools`."""
        tools.mkdir()
        for name, text in STAND_INS.items():
            script = tools / name
            script.write_text(text.format(python=sys.executable, log=tools / "gh.log"))
            script.chmod(0o755)
        return cls(repository, tools, environment)

    def with_environment(self, **more: str) -> Runner:
        """The same machine with further variables."""
        return replace(self, environment={**self.environment, **more})

    def github(self, job: str, event: str) -> int:
        """The exit code of a job of the GitHub workflow: of its first step that fails, else 0."""
        path = self.repository / ".github" / "workflows" / "robustness.yml"
        content = yaml.safe_load(path.read_text("utf-8"))
        assert f"== '{event}'" in content["jobs"][job]["if"]
        failed = 0
        for step in content["jobs"][job]["steps"]:
            wanted = step.get("if", "").startswith("always()") or not failed
            if "run" in step and wanted:
                own = {key: str(value) for key, value in step.get("env", {}).items()}
                shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
                failed = self._run(shell, {**content["env"], **own}) or failed
        return failed

    def gitlab(self, job: str) -> int:
        """The exit code of a job of the GitLab pipeline."""
        content = yaml.safe_load((self.repository / "robustness.gitlab-ci.yml").read_text("utf-8"))
        base, own = content[".robustness"], content[job]
        said = {
            name: value["value"] if isinstance(value, dict) else value
            for name, value in base["variables"].items()
        }
        lines = "\n".join([*base["before_script"], *own["script"]])
        return self._run(["bash", "-eo", "pipefail", "-c", lines], said)

    def jenkins(self, *stages: str) -> int:
        """The exit code of some stages of the Jenkinsfile."""
        text = (self.repository / "Jenkinsfile.robustness").read_text("utf-8")
        said = {
            name: re.sub(r"\\(.)", r"\1", value)
            for name, value in re.findall(r"^        (\w+) = '((?:[^'\\]|\\.)*)'$", text, re.M)
        }
        for stage in stages:
            found = re.search(rf"stage\('{stage}'\).+?sh '((?:[^'\\]|\\.)*)'", text, re.S)
            assert found
            if failed := self._run(["sh", "-ec", re.sub(r"\\(.)", r"\1", found[1])], said):
                return failed
        return 0

    def _run(self, command: list[str], said: Mapping[str, str]) -> int:
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        place = {**os.environ, **self.environment, **said, "PATH": path}
        return subprocess.run(command, cwd=self.repository, env=place, check=False).returncode


@contextmanager
def serve_artifact(archive: Path, *, token: str) -> Iterator[str]:
    """A GitLab of one artifact: the address of its API; it answers 404 for all else."""
    wanted = "/projects/7/jobs/artifacts/main/download?job=robustness-baseline"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == wanted and self.headers.get("JOB-TOKEN") == token
            content = archive.read_bytes() if known else b""
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
