"""The page's own code makes lines of samples: the rules for gaps, lone samples and missing values."""

import itertools
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOLE, NO_SAMPLE = None, "undefined"


def chart(
    page: Page, *lines: dict[str, list[Any]], column_ms: int = 0
) -> tuple[list[float], list[list[Any]], list[list[int]]]:
    """Return the chart data of lines: x, the y of each line, and the indices of its lone samples.

    Unit: x in s. In y, None is a gap and "undefined" is an x at which the line has no sample.
    """
    chart_data = page.evaluate(
        """async ([lines, column_ms]) => {
            const [{ lineFromSeries }, { toChartData }] = await Promise.all(['lib/lines', 'lib/chart-data'].map(fgm));
            const read = (value) => (value === "NaN" ? NaN : value);
            const made = lines.map(({ t, v }) => lineFromSeries({ t_ms: t, value: v.map(read) }));
            const { data, lone } = toChartData(made, 1000, column_ms);
            return { data: data.map((column) => column.map((v) => (v === undefined ? "undefined" : v))), lone };
        }""",
        [list(lines), column_ms],
    )
    return chart_data["data"][0], chart_data["data"][1:], chart_data["lone"]


@pytest.fixture
def modules(page: Page, viewer_url: str) -> Page:
    page.goto(viewer_url)
    return page


def line(**samples: Any) -> dict[str, list[Any]]:
    """Return a line from its value at each second, such as `s1=5, s2=6`."""
    return {"t": [1000 * int(second[1:]) for second in samples], "v": list(samples.values())}


def test_a_missing_tick_is_bridged_and_a_longer_gap_is_not(modules: Page) -> None:
    """A gap is longer than 2.5 intervals, because a busy node may miss a tick."""
    x, [y], _ = chart(modules, line(s1=5, s3=6, s6=7, s7=8))
    assert x == [1, 2, 3, 4, 5, 6, 7]
    assert y == [5, NO_SAMPLE, 6, HOLE, HOLE, 7, 8]


def test_samples_between_the_ticks_of_the_grid_have_an_x_of_their_own(modules: Page) -> None:
    """Such samples exist if the sampling interval was changed, or if a row was late."""
    x, [y], _ = chart(modules, {"t": [1000, 2500, 9000], "v": [5, 6, 7]})
    assert x == [1, 2.5, 5.75, 9]
    assert y == [5, 6, HOLE, 7]


def test_a_metric_that_is_measured_every_30_s_is_one_line(modules: Page) -> None:
    """The nulls between its values are no gaps, but a longer time without values is one."""
    seconds = [second for second in range(1, 400) if not 131 < second < 331]
    x, [y], [dots] = chart(
        modules, {"t": [1000 * s for s in seconds], "v": [s if s % 30 == 1 else None for s in seconds]}
    )
    at = dict(zip(x, y, strict=True))
    assert [at[second] for second in (1, 31, 61, 91, 121)] == [1, 31, 61, 91, 121]
    assert at.get(15, NO_SAMPLE) == NO_SAMPLE
    assert HOLE in [value for second, value in at.items() if 121 < second < 331]
    assert [value for second, value in at.items() if second < 121] == [1, 31, 61, 91]
    assert dots == []


@pytest.mark.parametrize("missing", [None, "NaN"])
def test_a_missing_value_is_a_gap_and_never_a_number(modules: Page, missing: str | None) -> None:
    x, [y], _ = chart(modules, line(s1=5, s2=missing, s3=6))
    assert x == [1, 2, 3]
    assert y == [5, HOLE, 6]


def test_a_lone_sample_between_gaps_is_a_dot(modules: Page) -> None:
    x, _, [dots] = chart(modules, line(s1=5, s2=5, s9=7, s20=5, s21=5))
    assert [x[at] for at in dots] == [9]


def test_the_samples_of_another_line_neither_fill_nor_make_a_gap(modules: Page) -> None:
    x, [sparse, dense], _ = chart(modules, line(s1=5, s3=5, s7=6), line(s1=1, s2=1, s3=1, s4=1, s5=1, s6=1, s7=1))
    at = dict(zip(x, sparse, strict=True))
    assert at[2] == NO_SAMPLE
    assert [at[second] for second in (4, 5, 6)] == [HOLE] * 3
    assert all(value in (1, NO_SAMPLE) for value in dense)


def test_the_extremes_of_a_pixel_column_are_one_line(modules: Page) -> None:
    """In a reduced answer, samples of one column are far apart without a gap between them."""
    x, [y], _ = chart(modules, line(s0=1, s40=9, s50=0, s59=2, s60=3, s119=4, s300=5, s310=6), column_ms=60_000)
    joined = [value for value, _ in itertools.groupby(value for value in y if value != NO_SAMPLE)]
    assert joined == [1, 9, 0, 2, 3, 4, HOLE, 5, 6]
    assert x == sorted(x)


def test_a_null_in_a_merged_tail_does_not_replace_a_value(modules: Page) -> None:
    """The first value of a tail may be null only because a rate needs the sample before it."""
    merged = modules.evaluate(
        """async () => {
            const { mergeLine } = await fgm('lib/lines');
            const line = { t: [1, 2, 3, 4], v: [10, 20, 30, null] };
            mergeLine(line, { t: [3, 4, 5], v: [null, 40, 50] });
            return line;
        }"""
    )
    assert merged == {"t": [1, 2, 3, 4, 5], "v": [10, 20, 30, 40, 50]}


def test_a_limit_is_drawn_only_while_it_is_set(modules: Page) -> None:
    """A changed limit is a step, and there is no line while the limit is removed."""
    steps = modules.evaluate(
        """async () => {
            const { limitSteps } = await fgm("derived/limits");
            return limitSteps({ t: [1, 2, 3, 4, 5, 6, 7], v: [5, 5, 8, null, null, 8, 8] }, 0, 10);
        }"""
    )
    assert [(step["from_ms"], step["to_ms"], step["value"]) for step in steps] == [(1, 3, 5), (3, 4, 8), (6, 7, 8)]
