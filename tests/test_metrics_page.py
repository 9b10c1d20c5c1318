"""docs/metrics.md documents the metrics of the catalogue."""

from pathlib import Path

from fgm.metrics.catalogue import RECORDED
from tests.support.metrics_page import COSTS, page


def test_the_page_lists_every_metric_of_the_catalogue() -> None:
    """If it fails, run `python -m tests.support.metrics_page > docs/metrics.md`."""
    assert (Path(__file__).parents[1] / "docs/metrics.md").read_text() == page()


def test_costs_are_given_only_for_files_that_are_read() -> None:
    assert {file for files in COSTS.values() for file in files} <= {metric.source.split()[0] for metric in RECORDED}
