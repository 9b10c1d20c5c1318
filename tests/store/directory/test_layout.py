"""Names and windows follow from instants, and instants from names."""

from datetime import datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fgm.iso_time import END_OF_TIME_MS
from fgm.store.directory import layout
from fgm.store.directory.layout import DAY_MS, HOUR_MS, ParsedName, Window

pytestmark = [pytest.mark.dates]

LAST_MS = END_OF_TIME_MS - 1
instants = st.integers(0, LAST_MS)
borders = st.builds(
    lambda day, offset: max(0, day * DAY_MS + offset),
    st.integers(0, LAST_MS // DAY_MS),
    st.integers(-3000, 3000),
)
rotations = st.integers(1, layout.MAX_ROTATION_S) | st.sampled_from([1, 7, 60, 90, 91, 3600, 5000, 43201, 86400])


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@given(instants | borders, rotations, st.data())
def test_any_instant_in_a_window_gives_its_name_which_parses_back_to_the_window(
    instant_ms: int, rotation_s: int, data: st.DataObject
) -> None:
    assume(instant_ms <= LAST_MS)
    window = layout.window_at(instant_ms, rotation_s)
    other_ms = data.draw(st.integers(window.start_ms, window.end_ms - 1))

    assert instant_ms in window
    assert layout.window_at(other_ms, rotation_s) == window
    for name_of in (layout.metrics_name, layout.journal_name):
        assert name_of(layout.window_at(other_ms, rotation_s).start_ms) == name_of(window.start_ms)
    assert layout.parse_name(layout.metrics_name(window.start_ms)) == ParsedName("metrics", window.start_ms)
    assert layout.parse_name(layout.journal_name(window.start_ms)) == ParsedName("journal", window.start_ms)


@given(instants | borders, rotations)
def test_windows_are_aligned_to_their_day_follow_one_another_and_never_cross_midnight(
    instant_ms: int, rotation_s: int
) -> None:
    assume(instant_ms <= LAST_MS)
    window = layout.window_at(instant_ms, rotation_s)
    midnight_ms = layout.day_start(instant_ms)

    assert (window.start_ms - midnight_ms) % (rotation_s * 1000) == 0
    assert layout.day_folder(window.start_ms) == layout.day_folder(window.end_ms - 1)
    assert window.end_ms - window.start_ms == rotation_s * 1000 or window.end_ms == midnight_ms + DAY_MS
    if window.end_ms <= LAST_MS:
        assert layout.window_at(window.end_ms, rotation_s).start_ms == window.end_ms


def test_the_last_window_of_a_day_is_cut_if_the_interval_does_not_divide_the_day() -> None:
    last = layout.window_at(ms("2025-12-30T23:59:59Z"), 7 * 3600)

    assert last == Window(ms("2025-12-30T21:00:00Z"), ms("2025-12-31T00:00:00Z"))
    assert layout.window_at(last.end_ms, 7 * 3600).start_ms == ms("2025-12-31T00:00:00Z")


@pytest.mark.parametrize("rotation_s", [0, -90, 86_401])
def test_an_impossible_rotation_interval_is_refused(rotation_s: int) -> None:
    with pytest.raises(ValueError, match="1 to 86400 s"):
        layout.window_at(0, rotation_s)


def test_names_are_as_documented() -> None:
    start_ms = ms("2025-12-30T16:00:00Z")

    assert layout.metrics_name(start_ms) == "metrics-20251230T160000Z.parquet"
    assert layout.hour_name(start_ms) == "metrics-20251230T160000Z--PT1H.parquet"
    assert layout.journal_name(start_ms) == "live-20251230T160000Z.journal"
    assert layout.table_name("processes", start_ms) == "processes-20251230T160000Z.parquet"
    assert layout.table_name("regions", start_ms) == "regions-20251230T160000Z.parquet"
    assert layout.day_folder(start_ms) == "dt=2025-12-30"
    assert layout.identifier_folder("node-1.a_b") == "identifier=node-1.a_b"


def test_a_merged_hour_parses_as_metrics_with_its_duration() -> None:
    start_ms = ms("2025-12-30T16:00:00Z")

    assert layout.parse_name(layout.hour_name(start_ms)) == ParsedName("metrics", start_ms, HOUR_MS)


@pytest.mark.parametrize(
    "name",
    [
        "metrics-20251230T160000Z.parquet.tmp",
        "metrics-20251230T160000Z.parquet\n",
        "metrics-20250229T160000Z.parquet",
        "metrics-20251301T160000Z.parquet",
        "metrics-20251230T240000Z.parquet",
        "metrics-20251230T160060Z.parquet",
        "metrics-20251230T160000.parquet",
        "metrics-2025-12-30T16:00:00Z.parquet",
        "metrics-19691231T235959Z.parquet",
        "metrics-00000000T000000Z.parquet",
        "metrics-\u0968\u0966\u0968\u096b1230T160000Z.parquet",
        "metrics-20251230T160130Z--PT1H.parquet",
        "metrics-20251230T160000Z--PT2H.parquet",
        "live-20251230T160000Z--PT1H.journal",
        "live-20251230T160000Z.parquet",
        "metrics-20251230T160000Z.journal",
        "bad-metrics-20251230T160000Z.parquet",
        "superseded-20251230T160000Z-1.parquet",
        "live-20251230T160000Z.journal.bad",
        "events.jsonl",
        "",
    ],
)
def test_a_name_that_is_not_exactly_one_of_fgm_is_not_parsed(name: str) -> None:
    assert layout.parse_name(name) is None


@pytest.mark.parametrize(
    ("name", "aside"),
    [
        ("bad-metrics-20251230T160000Z.parquet", True),
        ("bad-metrics-20251230T160000Z--PT1H.parquet", True),
        ("superseded-20251230T160000Z-12.parquet", True),
        ("live-20251230T160000Z.journal.bad", True),
        ("metrics-20251230T160000Z.parquet", False),
        ("bad-things.parquet", False),
    ],
)
def test_files_that_were_set_aside_are_recognised_by_name(name: str, aside: bool) -> None:
    assert layout.is_set_aside(name) is aside


@given(instants)
def test_a_day_folder_parses_back_to_its_midnight(instant_ms: int) -> None:
    assert layout.parse_day(layout.day_folder(instant_ms)) == layout.day_start(instant_ms)


@pytest.mark.parametrize(
    "folder", ["dt=2025-02-30", "dt=2025-1-1", "dt=1969-12-31", "DT=2025-12-30", "2025-12-30", "dt="]
)
def test_a_folder_that_is_not_a_day_is_not_parsed(folder: str) -> None:
    assert layout.parse_day(folder) is None


@pytest.mark.parametrize("identifier", ["a", "0", "fine-grained-monitor-x7k2p", "A.b_c-d", "a" * 253])
def test_an_allowed_identifier_parses_back_from_its_folder(identifier: str) -> None:
    assert layout.parse_identifier(layout.identifier_folder(identifier)) == identifier


@pytest.mark.parametrize("identifier", ["", ".", "..", ".hidden", "-a", "a/b", "a=b", "a\n", "ä", "a b", "a" * 254])
def test_an_identifier_that_is_not_allowed_is_refused(identifier: str) -> None:
    assert layout.parse_identifier(f"identifier={identifier}") is None
    with pytest.raises(ValueError, match="identifier"):
        layout.identifier_folder(identifier)


@pytest.mark.parametrize("instant_ms", [-1, END_OF_TIME_MS])
def test_an_instant_outside_the_calendar_has_no_name(instant_ms: int) -> None:
    with pytest.raises(ValueError, match="1970"):
        layout.day_folder(instant_ms)


def test_a_window_that_starts_within_a_second_has_no_name() -> None:
    with pytest.raises(ValueError, match="whole second"):
        layout.metrics_name(1500)


def test_the_tables_of_a_window_have_names_that_parse_back_to_it() -> None:
    start_ms = ms("2025-12-30T16:00:00Z")

    for kind in ("processes", "regions"):
        name = f"{kind}-20251230T160000Z.parquet"
        assert layout.parse_table_name(name) == (kind, start_ms)
        assert layout.parse_name(name) is None
        assert layout.is_set_aside(f"bad-{name}")
    for name in ("metrics-20251230T160000Z.parquet", "processes-20251332T160000Z.parquet", "processes-1.parquet"):
        assert layout.parse_table_name(name) is None


def test_names_of_merged_tables_and_of_minutes() -> None:
    hour_ms, day_ms = ms("2025-12-30T16:00:00Z"), ms("2025-12-30T00:00:00Z")
    hour_of_tables = layout.table_hour_name("labelled", hour_ms)
    assert hour_of_tables == "labelled-20251230T160000Z--PT1H.parquet"
    assert layout.parse_table_hour_name(hour_of_tables) == ("labelled", hour_ms)
    assert layout.parse_table_name(hour_of_tables) is None
    assert layout.parse_table_hour_name(layout.table_name("labelled", hour_ms)) is None
    assert layout.parse_table_hour_name("labelled-20251230T160130Z--PT1H.parquet") is None
    assert layout.minutes_name(hour_ms, layout.HOUR_MS) == "minutes-20251230T160000Z--PT1H.parquet"
    assert layout.minutes_name(day_ms, layout.DAY_MS) == "minutes-20251230T000000Z--P1D.parquet"
    for start_ms, duration_ms in ((hour_ms, layout.HOUR_MS), (day_ms, layout.DAY_MS)):
        name = layout.minutes_name(start_ms, duration_ms)
        assert layout.parse_minutes_name(name) == (start_ms, duration_ms)
        assert layout.set_aside_ms(f"bad-{name}") == start_ms
    assert layout.parse_minutes_name("minutes-20251230T160000Z--P1D.parquet") is None
    assert layout.parse_minutes_name("minutes-20251230T160000Z.parquet") is None
    with pytest.raises(ValueError, match="an hour or a day"):
        layout.minutes_name(hour_ms, 60_000)
