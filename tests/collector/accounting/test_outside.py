"""What the leaves use and what is outside of them add up to what the node uses."""

import numpy as np
from numpy.typing import NDArray

from fgm.collector.accounting.outside import MAX_FAILED_TICKS, Outside
from fgm.metrics.catalogue import COLUMNS
from fgm.store.samples.series import Series

NODE = Series("node", node_name="worker-3")
SYSTEM = Series("cgroup", cgroup="/system.slice")
SSHD = Series("cgroup", cgroup="/system.slice/sshd.service")
FIRST = Series("container", container_id="ab" * 32, cgroup="/docker/1")
SECOND = Series("container", container_id="cd" * 32, cgroup="/docker/2")
CPU, USER = "cpu.stat.usage_usec", "cpu.stat.user_usec"
MEMORY, ANON = "memory.current", "memory.stat.anon"


def rows(*values: dict[str, float]) -> NDArray[np.float64]:
    table = np.full((len(values), 1 + len(COLUMNS)), np.nan)
    for row, of_series in zip(table, values, strict=True):
        row[0] = 3.0
        for name, value in of_series.items():
            row[1 + COLUMNS.index(name)] = value
    return table


def value(table: NDArray[np.float64], name: str) -> float:
    return float(table[-1, 1 + COLUMNS.index(name)])


def cpu(outside: Outside, series: tuple[Series, ...], *usec: float, opened: frozenset[str] = frozenset()) -> float:
    table, _ = outside.add_to(rows(*({CPU: each} for each in usec)), series, opened)
    return value(table, CPU)


def test_memory_is_what_the_node_uses_without_its_leaves() -> None:
    series = (NODE, SYSTEM, SSHD, FIRST)
    table, named = Outside("worker-3").add_to(
        rows({MEMORY: 100, ANON: 50}, {MEMORY: 30, ANON: 9}, {MEMORY: 20, ANON: 9}, {MEMORY: 40, ANON: 30}),
        series,
        (),
    )

    assert named == (*series, Series("outside", node_name="worker-3"))
    assert (value(table, MEMORY), value(table, ANON)) == (40, 11)
    assert table[-1, 0] == 3.0


def test_cpu_time_begins_at_zero_and_adds_up_differences() -> None:
    outside = Outside("")

    assert cpu(outside, (NODE, FIRST), 1000, 700) == 0
    assert cpu(outside, (NODE, FIRST), 1500, 900) == 300
    assert cpu(outside, (NODE, FIRST), 1600, 1000) == 300


def test_cpu_time_does_not_fall_when_a_leaf_was_read_late_and_the_error_does_not_stay() -> None:
    outside = Outside("")
    cpu(outside, (NODE, FIRST), 1000, 700)

    assert cpu(outside, (NODE, FIRST), 1100, 850) == 0
    assert cpu(outside, (NODE, FIRST), 1300, 950) == 50


def test_the_counter_of_a_new_cgroup_is_its_own_and_that_of_one_not_recorded_before_is_not() -> None:
    outside = Outside("")
    cpu(outside, (NODE, FIRST), 1000, 700)

    assert cpu(outside, (NODE, FIRST, SECOND), 1500, 800, 150, opened=frozenset({SECOND.key})) == 250
    assert cpu(outside, (NODE, FIRST, SECOND, SSHD), 1600, 800, 200, 9e9) == 300
    assert cpu(outside, (NODE, FIRST, SECOND, SSHD), 1700, 800, 200, 9e9 + 40) == 360


def test_what_was_not_seen_of_a_leaf_that_ended_is_outside() -> None:
    outside = Outside("")
    cpu(outside, (NODE, FIRST, SECOND), 1000, 700, 100)

    assert cpu(outside, (NODE, FIRST), 1500, 800) == 400


def test_a_cgroup_that_was_made_again_begins_again() -> None:
    outside = Outside("")
    cpu(outside, (NODE, FIRST), 1000, 700)

    assert cpu(outside, (NODE, FIRST), 1100, 60, opened=frozenset({FIRST.key})) == 40


def test_a_failed_read_is_null_and_the_next_value_covers_both_ticks() -> None:
    outside, nan = Outside(""), float("nan")
    cpu(outside, (NODE, FIRST), 1000, 700)

    assert np.isnan(cpu(outside, (NODE, FIRST), 1500, nan))
    assert cpu(outside, (NODE, FIRST), 2000, 900) == 800
    assert np.isnan(cpu(outside, (NODE, FIRST), nan, 950))
    assert cpu(outside, (NODE, FIRST), 2200, 1000) == 900


def test_memory_is_null_if_a_leaf_could_not_be_read_but_not_if_it_has_no_memory_controller() -> None:
    outside = Outside("")
    without_controller, _ = outside.add_to(rows({MEMORY: 100}, {CPU: 5}), (NODE, FIRST), ())
    outside.add_to(rows({MEMORY: 100}, {MEMORY: 40}), (NODE, FIRST), ())
    failed, _ = outside.add_to(rows({MEMORY: 100}, {CPU: 5}), (NODE, FIRST), ())

    assert value(without_controller, MEMORY) == 100
    assert np.isnan(value(failed, MEMORY))


def test_a_controller_that_was_switched_off_makes_the_row_null_for_some_ticks_only() -> None:
    outside = Outside("")
    outside.add_to(rows({MEMORY: 100, CPU: 50}, {MEMORY: 40, CPU: 20}), (NODE, FIRST), ())
    tables = [outside.add_to(rows({MEMORY: 100, CPU: 50 + i}, {}), (NODE, FIRST), ())[0] for i in range(8)]

    assert [np.isnan(value(table, MEMORY)) for table in tables] == [True] * MAX_FAILED_TICKS + [False] * 3
    assert [np.isnan(value(table, CPU)) for table in tables] == [True] * MAX_FAILED_TICKS + [False] * 3
    assert value(tables[-1], MEMORY) == 100


def test_a_new_cgroup_without_a_controller_is_no_failure() -> None:
    outside = Outside("")
    cpu(outside, (NODE, FIRST), 1000, 700)

    assert cpu(outside, (NODE, FIRST, SECOND), 1500, 800, float("nan"), opened=frozenset({SECOND.key})) == 400


def test_a_metric_that_a_leaf_does_not_have_is_null() -> None:
    outside = Outside("")
    outside.add_to(rows({CPU: 10, USER: 8, MEMORY: 100, ANON: 50}, {CPU: 4, MEMORY: 40}), (NODE, FIRST), ())
    table, _ = outside.add_to(rows({CPU: 20, USER: 9, MEMORY: 100, ANON: 50}, {CPU: 5, MEMORY: 40}), (NODE, FIRST), ())

    assert (value(table, CPU), value(table, MEMORY)) == (9, 60)
    assert np.isnan(value(table, USER))
    assert np.isnan(value(table, ANON))


def test_the_series_stay_the_same_tuple_while_nothing_changed() -> None:
    outside, series = Outside(""), (NODE, FIRST)
    _, first = outside.add_to(rows({}, {}), series, ())
    _, again = outside.add_to(rows({}, {}), series, ())

    assert first is again
