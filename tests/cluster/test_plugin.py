"""`kubectl fgm`: a real kubectl finds the command as its plugin."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.cluster import Cluster

pytestmark = [pytest.mark.slow]


def kubectl(cluster: Cluster, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run kubectl with the plugin on its path, as pip installs it."""
    plugin = folder / "kubectl-fgm"
    plugin.write_text(f"#!{sys.executable}\nimport sys\nfrom fgm.cli import main\nsys.exit(main())\n")
    plugin.chmod(0o755)
    environment = {**cluster.environment, "PATH": f"{cluster.environment['PATH']}:{folder}"}
    return subprocess.run(
        ["kubectl", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_kubectl_runs_the_commands(real_cluster: Cluster, port: int, tmp_path: Path) -> None:
    real_cluster.add_node("worker-1", port)
    done = kubectl(real_cluster, tmp_path, "fgm", "nodes", "--context", "test")

    assert (done.returncode, done.stderr) == (0, "")
    assert "\nworker-1  fgm-worker-1  " in done.stdout


def test_its_help_names_it_as_it_was_called(real_cluster: Cluster, tmp_path: Path) -> None:
    done = kubectl(real_cluster, tmp_path, "fgm", "ask", "--help")

    assert done.stdout.startswith("usage: kubectl fgm ask ")
