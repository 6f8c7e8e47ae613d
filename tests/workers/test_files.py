"""The files for clusters are well formed, and ask what the pages say."""

from __future__ import annotations

import shlex
import subprocess

import yaml

from harness.cli.app import run
from tests.support.paths import ROOT

FILES = ROOT / "examples" / "ray"


def test_the_slurm_file_is_bash() -> None:
    subprocess.run(["bash", "-n", str(FILES / "slurm.sh")], check=True)
    assert "RAY_AUTH_MODE=token" in (FILES / "slurm.sh").read_text("utf-8")


def test_the_kubernetes_file_is_a_job_with_authentication() -> None:
    job = yaml.safe_load((FILES / "ray-job.yaml").read_text("utf-8"))
    cluster = job["spec"]["rayClusterSpec"]
    assert (job["kind"], cluster["authOptions"]) == ("RayJob", {"mode": "token"})
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    images = {group["template"]["spec"]["containers"][0]["image"] for group in groups}
    assert len(images) == 1, "every machine has the same software"
    program, *options = shlex.split(job["spec"]["entrypoint"])
    assert program == "harness"
    assert run([*options[:1], "--help"]) == 0
    assert options[-2:] == ["--ray", "auto"]
