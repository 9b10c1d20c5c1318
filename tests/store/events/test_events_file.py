"""Events: after any cut-off write, whole lines stay readable and the next event follows them."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.store.check.directory_check import check
from fgm.store.directory.layout import DAY_MS
from fgm.store.errors import BadFileError
from fgm.store.events import events_file
from fgm.store.events.event import KINDS, MAX_LINE_BYTES, MAX_TEXT, Event, Kind, decode, encode, in_order, merged
from fgm.store.events.events_file import ReadEvents, append

T0 = 1_767_110_400_000  # 2025-12-30T16:00:00Z
END = DAY_MS * (T0 // DAY_MS + 1)

values = (
    st.none() | st.text(max_size=20) | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
)
facts = st.dictionaries(st.text(max_size=20), values, max_size=3)
some_events = st.builds(
    Event,
    st.integers(T0, END - 1),
    st.sampled_from(sorted(KINDS)),
    st.text(max_size=70),
    st.text(),
    facts,
    facts,
)


def exit_of(series: str, time_ms: int = T0, what: str = "ended", **after: str | int) -> Event:
    return Event(time_ms, "exit", series, what, {}, after)


def read(path: Path, most: int | None = None) -> ReadEvents:
    fd = os.open(path, os.O_RDONLY)
    try:
        return events_file.read(fd, most)
    finally:
        os.close(fd)


def file_of(data_dir: Path) -> Path:
    return data_dir / "dt=2025-12-30" / "identifier=node-1" / "events.jsonl"


@given(some_events)
def test_an_event_is_one_line_that_decodes_to_the_same_event(event: Event) -> None:
    line = encode(event)

    assert line.count(b"\n") == 1
    assert decode(line) == event


def test_a_line_is_as_documented() -> None:
    event = Event(T0 + 1, "limit_changed", "ab" * 32, "more", {"memory.max": 1}, {"memory.max": None})

    assert encode(event) == (
        b'{"time":"2025-12-30T16:00:00.001Z","kind":"limit_changed","series":"' + b"ab" * 32 + b'","what":"more",'
        b'"before":{"memory.max":1},"after":{"memory.max":null}}\n'
    )


def test_long_texts_are_cut_but_paths_in_any_script_are_not() -> None:
    event = exit_of("/" + "容" * 1364, what="reason " + "x" * 100_000, reason="y" * 100_000)
    kept = decode(encode(event))

    assert kept.series == event.series
    assert [len(text) for text in (kept.what, str(kept.after["reason"]))] == [
        MAX_TEXT,
        MAX_TEXT,
    ]
    assert kept.what.endswith("x…")


@settings(max_examples=8)
@given(st.lists(some_events, min_size=1, max_size=3), some_events)
def test_a_file_cut_at_any_byte_keeps_its_whole_lines_and_the_next_event_follows_them(
    tmp_path_factory: pytest.TempPathFactory, before: list[Event], then: Event
) -> None:
    """A kill may cut the file anywhere: whole lines stay, and a new line never follows torn bytes."""
    data_dir = tmp_path_factory.mktemp("data")
    path = file_of(data_dir)
    append(str(data_dir), "node-1", before)
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        kept = sum(end <= cut for end in ends)

        assert read(path) == ReadEvents(tuple(before[:kept]))
        if cut % 7 == 0 or cut in ends or cut + 1 in ends:  # appending waits for the disk
            append(str(data_dir), "node-1", [then])
            assert read(path) == ReadEvents((*before[:kept], then))


def test_each_event_is_in_the_file_of_its_day_and_the_directory_is_in_order(tmp_path: Path) -> None:
    append(str(tmp_path), "node-1", [exit_of("a", END - 1), exit_of("b", END)])
    append(str(tmp_path), "node-1", [exit_of("c", END - 2)])

    assert [event.series for event in read(file_of(tmp_path)).events] == ["a", "c"]
    assert file_of(tmp_path).stat().st_mode & 0o777 == 0o644
    report = check(str(tmp_path))
    assert [sentence for _, sentence in report.problems] == []
    assert report.counts["event files"] == 2


@contextmanager
def full_disk(most_bytes: int) -> Iterator[None]:
    """Limit the files of this process to `most_bytes`: writes then fail with EFBIG, as with ENOSPC on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_an_append_that_fails_halfway_is_removed_completely(tmp_path: Path) -> None:
    append(str(tmp_path), "node-1", [exit_of("a")])
    size = file_of(tmp_path).stat().st_size
    with full_disk(size + 10), pytest.raises(OSError, match="File too large"):
        append(str(tmp_path), "node-1", [exit_of("b")])

    assert file_of(tmp_path).stat().st_size == size
    append(str(tmp_path), "node-1", [exit_of("c")])
    assert [event.series for event in read(file_of(tmp_path)).events] == ["a", "c"]


FOREIGN = (
    b"\0\0\0\0\n",
    b"{}\n",
    b"[]\n",
    b"7\n",
    b"\xff\n",
    b"[" * 5000 + b"\n",
    encode(exit_of("a")).replace(b'"exit"', b'"unheard of"'),
    encode(exit_of("a")).replace(b'"before":{}', b'"before":{"a":[]}'),
    encode(exit_of("a")).replace(b"2025-12-30T16:00:00.000Z", b"2025-12-30T16:00:00"),
    encode(exit_of("a")).replace(b"2025-12-30T16:00:00.000Z", b"soon"),
    encode(exit_of("a"))[:-2] + b',"more":"' + b"x" * MAX_LINE_BYTES + b'"}\n',
)


@pytest.mark.parametrize("line", FOREIGN)
def test_an_invalid_line_is_skipped_counted_and_reported(tmp_path: Path, line: bytes) -> None:
    append(str(tmp_path), "node-1", [exit_of("a")])
    with file_of(tmp_path).open("ab") as file:
        file.write(line + encode(exit_of("b")))

    found = read(file_of(tmp_path))
    assert [event.series for event in found.events] == ["a", "b"]
    assert found.skipped == 1
    assert [sentence for _, sentence in check(str(tmp_path)).problems] == ["lines that are not events: 1"]


def test_unknown_keys_of_an_event_are_ignored() -> None:
    assert decode(encode(exit_of("a"))[:-2] + b',"more":[1]}\n') == exit_of("a")


def test_an_event_in_the_folder_of_another_day_is_reported(tmp_path: Path) -> None:
    append(str(tmp_path), "node-1", [exit_of("a")])
    events_file.append_lines(str(file_of(tmp_path)), encode(exit_of("b", END)))

    assert [sentence for _, sentence in check(str(tmp_path)).problems] == ["it has events of another day"]


def test_reading_uses_bounded_memory_and_keeps_the_newest_events(
    tmp_path: Path,
) -> None:
    line = encode(exit_of("a" * 4000))
    path = file_of(tmp_path)
    append(str(tmp_path), "node-1", [exit_of("first")])
    events_file.append_lines(str(path), line * (events_file.MAX_READ_BYTES // len(line)) + encode(exit_of("last")))

    found = read(path)
    assert found.is_cut
    assert (found.events[0].series, found.events[-1].series) == ("a" * 4000, "last")
    assert read(path, 2).events == found.events[-2:]
    assert found.skipped == 0


def test_anything_but_a_regular_file_is_left_alone(tmp_path: Path) -> None:
    file_of(tmp_path).parent.mkdir(parents=True)
    file_of(tmp_path).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(BadFileError):
        append(str(tmp_path), "node-1", [exit_of("a")])
    assert not (tmp_path / "elsewhere").exists()


def test_a_foreign_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    file_of(tmp_path).parent.mkdir(parents=True)
    file_of(tmp_path).write_text("a note without an end of line")

    with pytest.raises(BadFileError, match="the name of an events file"):
        append(str(tmp_path), "node-1", [exit_of("a")])
    assert file_of(tmp_path).read_text().startswith("a note")


@pytest.mark.parametrize("lines", [0, 2])
def test_zeros_of_a_power_loss_are_reported_and_the_next_event_replaces_them(tmp_path: Path, lines: int) -> None:
    """A file system may have written the new size of a file, but not its content: the rest is zeros then."""
    append(str(tmp_path), "node-1", [exit_of("a")] * lines)
    file_of(tmp_path).parent.mkdir(parents=True, exist_ok=True)
    file_of(tmp_path).touch(0o644)
    os.truncate(file_of(tmp_path), file_of(tmp_path).stat().st_size + 4096)

    assert read(file_of(tmp_path)).zeros == 4096
    (problem,) = [sentence for path, sentence in check(str(tmp_path)).problems if path.endswith("events.jsonl")]
    assert problem.startswith("zero bytes at its end: 4096")
    append(str(tmp_path), "node-1", [exit_of("b")])
    assert [event.series for event in read(file_of(tmp_path)).events] == [*"aa"[:lines], "b"]
    assert [path for path, _ in check(str(tmp_path)).problems if path.endswith("events.jsonl")] == []


def test_a_foreign_file_is_reported(tmp_path: Path) -> None:
    file_of(tmp_path).parent.mkdir(parents=True)
    file_of(tmp_path).write_text("a note without an end of line")

    assert any("no events: the collector leaves it as it is" in found for _, found in check(str(tmp_path)).problems)


def test_events_of_one_time_are_in_the_order_of_cause_and_effect() -> None:
    kinds: list[Kind] = ["restart", "exit", "throttling_ended", "oom_kill", "gap"]
    at_once = [Event(T0, kind, "a", "") for kind in kinds]

    expected = ["gap", "throttling_ended", "oom_kill", "exit", "restart", "exit"]
    assert [event.kind for event in in_order([exit_of("b", T0 + 1), *at_once])] == expected


def test_an_exit_keeps_the_oom_kill_that_the_runtime_has_not_noticed() -> None:
    """Its sentence has the cause of the kernel and the reason of the kubelet, in any order of the lines."""
    derived = exit_of("a", what="ended after 2 s; its memory was 5 MiB")
    caused = exit_of("a", what="ended by an OOM kill; its memory was 5 MiB", oom_killed=1)
    why = exit_of("a", what="ended: Error, exit code 137", reason="Error", exit_code=137, finished_ms=T0)

    for lines in ([caused, why], [derived, why, caused], [why, caused]):
        (ended,) = merged(lines)
        assert ended.what == "ended by an OOM kill: Error, exit code 137"
        assert ended.after == {"oom_killed": 1, "reason": "Error", "exit_code": 137, "finished_ms": T0}
    assert [event.what for event in merged([derived, caused])] == [caused.what]
    unknown = exit_of("a", finished_ms=T0)
    assert [event.what for event in merged([caused, unknown])] == [caused.what]


def test_the_reason_of_an_exit_completes_the_exit() -> None:
    ended = exit_of("a", what="ended")
    why = exit_of("a", T0 + 900, "ended: OOMKilled, exit code 137", reason="OOMKilled", exit_code=137)
    start = Event(T0 + 5000, "start", "a", "started")
    other = exit_of("b")

    for lines in ([ended, other, why], [why, other, ended]):
        first, second = merged(lines)
        assert first.what == why.what
        assert first.after == {"reason": "OOMKilled", "exit_code": 137}
        assert first.time_ms == lines[0].time_ms
        assert second == other
    assert [event.kind for event in merged([ended, start, ended, why])] == ["exit", "start", "exit"]


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_a_line_that_is_not_json_is_refused(constant: bytes) -> None:
    line = encode(Event(1_767_110_400_000, "limit_changed", "node", "changed", {"memory.max": 5}, {}))
    assert decode(line).before == {"memory.max": 5}
    with pytest.raises(ValueError, match="is not JSON"):
        decode(line.replace(b":5}", b":" + constant + b"}"))
