"""The costs in docs/fleet.md follow from its own figures and prices."""

import re
from pathlib import Path

import pytest

FLEET = (Path(__file__).resolve().parents[2] / "docs" / "fleet.md").read_text().partition("## Costs")[2]
TEXT = " ".join(FLEET.split())
NODES = {"10": 10, "1,000": 1_000, "10,000": 10_000}
DAYS = 30


def figure(pattern: str) -> float:
    """Return the number in the section's text that a pattern finds, which has it in its group."""
    (found,) = re.findall(pattern, TEXT)
    return float(found.replace(",", ""))


def number(cell: str) -> float:
    amount, _, unit = cell.strip().lstrip("$").replace(",", "").partition(" ")
    return float(amount) * {"": 1, "million": 1_000_000}[unit]


@pytest.mark.parametrize("nodes", NODES)
def test_a_row_is_worked_out_from_the_figures(nodes: str) -> None:
    (row,) = re.findall(rf"^\| {nodes} \|(.*)\|$", FLEET, re.MULTILINE)
    files, gigabytes, requests, storage, requested = map(number, row.split("|"))
    size = figure(r"takes (\d+) MiB a day") * (1 << 20) / 1e9
    writes, reads = figure(r"(\d+) writing and \d+ reading requests"), figure(r"(\d+) reading requests, counted")
    per_gigabyte = figure(r"\$([\d.]+) for a GB")
    per_write, per_read = figure(r"\$([\d.]+) for 1,000 writing"), figure(r"\$([\d.]+) for 1,000 reading")
    count = NODES[nodes]
    assert files == count * figure(r"which is (\d+) files")
    assert gigabytes == pytest.approx(count * size, rel=0.04)
    assert requests == pytest.approx(count * (writes + reads), rel=0.02)
    assert storage == pytest.approx(count * size * DAYS * per_gigabyte, rel=0.02)
    assert requested == pytest.approx(count * DAYS * (writes * per_write + reads * per_read) / 1_000, rel=0.02)


def test_the_burst_of_each_hour_is_worked_out_from_the_figures() -> None:
    objects = 5 * NODES["10,000"]  # three tables, the events and the manifest
    assert figure(r"10,000 nodes send ([\d,]+) files") == objects
    assert figure(r"(\d+) writes a second") == pytest.approx(objects / 90, rel=0.02)
    assert figure(r"has ([\d,]+) metrics files") == 24 * NODES["10,000"]
    assert figure(r"metrics files, (\d+) requests") == 24 * NODES["10,000"] / 1_000
