"""The choice of files to remove, by size, age and free space."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgm.collector.retention.limits import Budget, Disk, Excess, StoredFile, excess_of, make_room
from fgm.collector.sizes import FreeSpace

DAY_MS = 86_400_000
NOW_MS = 100 * DAY_MS
BUDGET = Budget(max_bytes=1000, max_age_ms=14 * DAY_MS)
MIN_FREE = FreeSpace(0.15, 200)
ROOMY = Disk(size_bytes=10_000, free_bytes=5_000, inodes=1000, free_inodes=500)


def file(days_old: float, size: int) -> StoredFile:
    return StoredFile(f"{days_old}", NOW_MS - round(days_old * DAY_MS), size)


def removed(files: list[StoredFile], disk: Disk, budget: Budget, min_free: FreeSpace) -> list[str]:
    over = excess_of(budget, min_free, sum(each.size_bytes for each in files), disk, NOW_MS)
    return [each.path for each in make_room(files, over, everything)[0]]


def everything(_: StoredFile) -> bool:
    return True


FILES = [file(3, 300), file(2, 300), file(1, 300)]


@pytest.mark.parametrize(
    ("case", "files", "disk", "budget", "min_free", "expected"),
    [
        ("nothing is over", FILES, ROOMY, BUDGET, MIN_FREE, []),
        ("nothing is there", [], replace(ROOMY, free_bytes=0), BUDGET, MIN_FREE, []),
        ("exactly full", FILES, ROOMY, replace(BUDGET, max_bytes=900), MIN_FREE, []),
        ("one byte over", FILES, ROOMY, replace(BUDGET, max_bytes=899), MIN_FREE, ["3"]),
        ("too old", [file(15, 1), file(14.1, 1), file(14, 1), *FILES], ROOMY, BUDGET, MIN_FREE, ["15", "14.1"]),
        ("share of the disk", FILES, replace(ROOMY, free_bytes=1499), BUDGET, MIN_FREE, ["3"]),
        ("share just met", FILES, replace(ROOMY, free_bytes=1500), BUDGET, MIN_FREE, []),
        ("amount on a small disk", FILES, Disk(1000, 199, 0, 0), BUDGET, MIN_FREE, ["3"]),
        ("never more than half", FILES, Disk(300, 149, 0, 0), BUDGET, MIN_FREE, ["3"]),
        ("half is enough", FILES, Disk(300, 150, 0, 0), BUDGET, MIN_FREE, []),
        ("out of inodes", FILES, replace(ROOMY, free_inodes=98), BUDGET, MIN_FREE, ["3", "2"]),
        ("no limit of inodes", FILES, replace(ROOMY, inodes=0, free_inodes=0), BUDGET, MIN_FREE, []),
        ("others fill the disk", FILES, replace(ROOMY, free_bytes=0), BUDGET, MIN_FREE, ["3", "2", "1"]),
        ("free space is no concern", FILES, Disk(1000, 0, 0, 0), BUDGET, FreeSpace(), []),
        ("from the future", [file(-400, 1)], ROOMY, BUDGET, MIN_FREE, []),
    ],
)
def test_the_oldest_files_are_removed_until_all_limits_hold(
    *, case: str, files: list[StoredFile], disk: Disk, budget: Budget, min_free: FreeSpace, expected: list[str]
) -> None:
    assert removed(files, disk, budget, min_free) == expected, case


sizes = st.integers(0, 1 << 40)


@given(
    st.lists(st.tuples(st.integers(0, 2 * NOW_MS), sizes), max_size=20).map(sorted),
    st.builds(Budget, sizes, st.integers(0, NOW_MS)),
    st.builds(FreeSpace, st.floats(0, 0.99), sizes),
    st.builds(Disk, sizes, sizes, st.integers(0, 1000), st.integers(0, 1000)),
)
def test_no_more_files_are_removed_than_the_limits_require(
    facts: list[tuple[int, int]], budget: Budget, min_free: FreeSpace, disk: Disk
) -> None:
    """The oldest files are removed until all limits hold or no file is left, and the last one of them was necessary."""
    files = [StoredFile(str(i), until_ms, size) for i, (until_ms, size) in enumerate(facts)]
    over = excess_of(budget, min_free, sum(each.size_bytes for each in files), disk, NOW_MS)
    gone, rest = make_room(iter(files), over, everything)

    assert gone == files[: len(gone)]
    for each in gone:
        assert over.concerns(each)
        over = over.without(each)
    left = files[len(gone) :]
    assert not left or not over.concerns(left[0])
    assert rest == over
    assert make_room(left, over, everything) == ([], over)


def test_if_a_file_cannot_be_removed_a_later_one_is() -> None:
    files = [file(3, 300), file(2, 300), file(1, 300), file(0, 300)]
    over = excess_of(replace(BUDGET, max_bytes=600), MIN_FREE, 1200, ROOMY, NOW_MS)

    assert [each.path for each in make_room(files, over, lambda each: each.path != "2")[0]] == ["3", "1"]


def test_recent_files_are_spared_for_the_file_system_but_not_for_their_own_limits() -> None:
    spared_from_ms = NOW_MS - 2 * DAY_MS
    lacking = Excess(surplus_bytes=0, missing_bytes=1000, missing_inodes=0, oldest_allowed_ms=0)
    over = Excess(surplus_bytes=900, missing_bytes=0, missing_inodes=0, oldest_allowed_ms=0)

    gone, rest = make_room(FILES, replace(lacking, spared_from_ms=spared_from_ms), everything)
    assert ([each.path for each in gone], rest.missing_bytes) == (["3"], 700)
    gone, _ = make_room(FILES, replace(over, spared_from_ms=spared_from_ms), everything)
    assert [each.path for each in gone] == ["3", "2", "1"]


def test_what_one_store_gives_up_is_there_for_the_other() -> None:
    lacking = Excess(surplus_bytes=0, missing_bytes=250, missing_inodes=0, oldest_allowed_ms=0)
    _, raw = make_room(FILES[:1], lacking, everything)

    assert make_room(FILES[1:], lacking.after(raw), everything)[0] == []
