"""One cause is one finding, the most specific one; a victim is evidence; the largest certain one is first."""

from dataclasses import replace

import numpy as np

from fgm.viewer.findings.finding import KINDS, Finding, Kind
from fgm.viewer.findings.ranking import MOST_SPECIFIC_FIRST, Ranked, ranked, with_strength
from fgm.viewer.findings.strength import MIN_STRENGTH
from tests.support.viewer.made_grid import START_MS, container, made_grid, node, pod

CPU = "total_cpu_usage_millicores"


def found(kind: Kind, row: int, from_s: int, to_s: int, others: tuple[int, ...] = ()) -> Ranked:
    finding = Finding(kind, row, CPU, START_MS + 1000 * from_s, START_MS + 1000 * to_s, 0.0, {}, others)
    return Ranked(finding, 6.0, 0.0)


def test_the_most_specific_kind_stands_for_one_cause() -> None:
    kill, leak, step = found("oom_kill", 1, 90, 100), found("leak", 1, 10, 90), found("step", 1, 12, 100)

    (first,) = ranked([step, leak, kill])

    assert first.finding == kill.finding
    assert [evidence.kind for evidence in first.evidence] == ["leak", "step"]


def test_a_container_and_the_one_that_follows_it_have_one_cause() -> None:
    series = [replace(container("worker"), container_id=f"{number:064x}") for number in range(2)]
    grid = made_grid([*series, container("other")], {}, ticks=60)
    loop, of_first = found("restarts", 1, 10, 60).finding, found("oom_kill", 0, 5, 12).finding
    elsewhere = found("oom_kill", 2, 5, 12).finding

    merged = ranked(with_strength([loop, of_first, elsewhere], grid))

    assert [(each.finding, each.evidence) for each in merged] == [(of_first, (loop,)), (elsewhere, ())]


def test_two_findings_of_one_series_that_are_far_apart_are_two() -> None:
    assert len(ranked([found("burst", 1, 10, 20), found("stall", 1, 400, 410)])) == 2


def test_a_victim_is_evidence_for_its_neighbour_and_no_finding_of_its_own() -> None:
    neighbour, victim = found("neighbour", 1, 100, 200, others=(2, 3)), found("stall", 2, 110, 150)
    elsewhere = found("stall", 4, 110, 150)

    first, second = ranked([victim, neighbour, elsewhere])

    assert (first.finding.row, second.finding.row) == (1, 4)


def test_of_two_neighbours_that_name_each_other_the_one_with_more_evidence_is_the_cause() -> None:
    memory, io = found("neighbour", 1, 100, 200, others=(2, 3)), found("neighbour", 2, 105, 200, others=(1, 3))
    surer = memory._replace(finding=memory.finding._replace(statistic=9.0))

    assert [each.finding.row for each in ranked([io, surer])] == [1]


def test_what_begins_and_ends_with_a_neighbour_is_its_effect() -> None:
    neighbour, in_wake = found("neighbour", 1, 100, 200, others=(2,)), found("paging", 3, 110, 205)
    longer, earlier = found("paging", 4, 110, 300), found("paging", 5, 90, 200)

    assert [each.finding.row for each in ranked([in_wake, longer, earlier, neighbour])] == [5, 1, 4]


def test_a_burst_soon_after_a_neighbour_began_is_its_effect() -> None:
    neighbour = found("neighbour", 1, 100, 200, others=(2,))
    swapped_out, late = found("burst", 3, 108, 112), found("burst", 4, 150, 154)

    assert [each.finding.row for each in ranked([swapped_out, late, neighbour])] == [1, 4]


def test_a_kill_of_a_small_container_is_before_a_burst_of_a_large_one() -> None:
    series = [node(), container("small"), container("large")]
    values = np.array([[1000.0] * 60, [1.0] * 60, [999.0] * 60], np.float32)
    grid = made_grid(series, {CPU: values}, ticks=60)
    burst, kill = (
        Finding("burst", 2, CPU, START_MS, START_MS, 4.5),
        Finding("oom_kill", 1, CPU, START_MS, START_MS, 1),
    )

    assert [each.finding for each in ranked(with_strength([burst, kill], grid))] == [kill, burst]


def test_what_a_pod_shows_because_of_a_container_is_that_of_the_container() -> None:
    shop = pod("shop")
    grid = made_grid([node(), shop, container("web", shop), container("proxy", shop), container("other")], {}, ticks=60)
    stall, of_pod, later = (
        found("stall", row, begin, begin + 10).finding._replace(statistic=999.0)
        for row, begin in ((2, 10), (1, 9), (1, 45))
    )
    limit = found("limit", 1, 10, 20).finding._replace(statistic=999.0)

    assert [each.finding for each in with_strength([of_pod, stall, later, limit], grid)] == [stall, later, limit]
    assert [each.finding for each in with_strength([of_pod], grid)] == [of_pod]


def test_doubtful_data_never_stands_for_a_cause() -> None:
    assert len(ranked([found("doubtful", 0, 10, 20), found("burst", 0, 10, 20)])) == 2


def test_the_stronger_is_first_and_of_equals_that_with_the_larger_share_of_the_node() -> None:
    series = [node(), container("small"), container("large")]
    values = np.array([[1000.0] * 60, [10.0] * 60, [800.0] * 60], np.float32)
    grid = made_grid(series, {CPU: values}, ticks=60)
    findings = [Finding("restarts", row, CPU, START_MS, START_MS + 59_000, 5.0, {}) for row in (1, 2)]

    first, second = ranked(with_strength(findings, grid))

    assert (first.finding.row, second.finding.row) == (2, 1)
    assert abs(first.share - 0.8) < 0.01


def test_what_ordinary_stretches_have_is_left_out() -> None:
    grid = made_grid([node(), container("a")], {}, ticks=60)
    assert with_strength([Finding("step", 1, CPU, START_MS, START_MS, -1e9)], grid) == []
    (kept,) = with_strength([Finding("step", 1, CPU, START_MS, START_MS, 1e9)], grid)
    assert kept.strength >= MIN_STRENGTH


def test_each_kind_has_its_place() -> None:
    assert sorted(MOST_SPECIFIC_FIRST) == sorted(KINDS)
