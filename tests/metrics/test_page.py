"""The documentation of metrics is that of the code."""

from pathlib import Path

from fgm.metrics.catalogue import RECORDED
from tests.support.metrics_page import COSTS, page


def test_the_page_lists_every_metric_as_the_catalogue_has_it() -> None:
    """Made anew by `python -m tests.support.metrics_page > docs/metrics.md`."""
    assert (Path(__file__).parents[2] / "docs/metrics.md").read_text() == page()


def test_the_costs_are_of_files_that_are_read() -> None:
    assert {file for files in COSTS.values() for file in files} <= {metric.source.split()[0] for metric in RECORDED}
