"""The table of findings has a row for each script, and each script is well-formed."""

import re
import subprocess
from pathlib import Path

FINDINGS = Path(__file__).resolve().parents[1] / "findings"


def test_every_script_has_a_row_and_every_row_a_script() -> None:
    rows = re.findall(r"^\| \[?`?([a-z0-9-]+)\.sh", (FINDINGS / "README.md").read_text(), re.MULTILINE)
    assert rows == sorted(path.stem for path in FINDINGS.glob("*.sh"))


def test_every_script_is_well_formed() -> None:
    for path in FINDINGS.glob("*.sh"):
        text = path.read_text()
        assert subprocess.run(["bash", "-n", path], check=False).returncode == 0
        assert "set -euo pipefail" in text, path
        assert "fgm" not in text, f"{path} must not use fgm"
        assert "Expected:" in text, path
        assert "Seen:" in text, path


def test_a_script_that_cannot_install_ends_as_one_that_cannot_run() -> None:
    installing = re.compile(r"^.*(?:-m venv|pip\b.* install|apt-get.* download) .*$", re.MULTILINE)
    for path in FINDINGS.glob("*.sh"):
        for line in installing.findall(path.read_text()):
            assert "exit 77" in line, (path, line)
