"""The frames of SPDY/3.1, read by the server of the tests and written byte by byte."""

import struct
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.spdy import DICTIONARY

from fgm.cluster.tunnel.spdy_codec import (
    MAX_CONTROL_BYTES,
    Data,
    End,
    Event,
    Reply,
    SpdyCodec,
    SpdyError,
)

SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9


def control(kind: int, payload: bytes, flags: int = 0, version: int = 3) -> bytes:
    return struct.pack(">HHI", 0x8000 | version, kind, flags << 24 | len(payload)) + payload


def data(stream: int, payload: bytes, flags: int = 0) -> bytes:
    return struct.pack(">II", stream, flags << 24 | len(payload)) + payload


def number(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def with_streams() -> SpdyCodec:
    """Return the end of a connection with the streams 1 to 9."""
    codec = SpdyCodec()
    for _ in range(5):
        codec.open_stream({})
    return codec


def joined(events: list[Event]) -> list[Event]:
    """Return events with neighbouring parts of a stream as one: how they are cut means nothing."""
    whole: list[Event] = []
    for event in events:
        if isinstance(event, Data) and whole and isinstance(last := whole[-1], Data) and last.stream == event.stream:
            whole[-1] = Data(event.stream, last.data + event.data)
        else:
            whole.append(event)
    return whole


FRAMES = [
    (control(SYN_REPLY, number(1) + b"packed headers"), []),
    (control(SYN_REPLY, number(3), flags=1), [End(3)]),
    (control(HEADERS, number(3)), []),
    (control(HEADERS, number(5), flags=1), [End(5)]),
    (data(3, b"HTTP/1.1 200 OK"), [Data(3, b"HTTP/1.1 200 OK")]),
    (data(3, b"the end", flags=1), [Data(3, b"the end"), End(3)]),
    (data(5, b""), []),
    (data(5, b"", flags=1), [End(5)]),
    (control(RST_STREAM, number(7, 5)), [End(7, is_reset=True)]),
    (control(PING, number(2)), [Reply(control(PING, number(2)))]),
    (control(PING, number(1)), []),
    (control(SYN_STREAM, number(2, 0) + b"\0\0"), [Reply(control(RST_STREAM, number(2, 3)))]),
    (control(GOAWAY, number(0, 0)), []),
    (control(SETTINGS, number(0)), []),
    (control(WINDOW_UPDATE, number(1, 65536)), []),
    (control(500, b"of an unknown type"), []),
]


@pytest.mark.parametrize(("frame", "events"), FRAMES)
def test_a_frame_is_these_events(frame: bytes, events: list[Event]) -> None:
    codec = with_streams()

    assert codec.receive(frame) == events
    assert codec.receive(data(9, b"next")) == [Data(9, b"next")]


@given(st.lists(st.sampled_from(FRAMES), max_size=6), st.lists(st.integers(0, 200), max_size=30))
def test_it_does_not_matter_where_bytes_are_cut(frames: list[tuple[bytes, list[Event]]], cuts: list[int]) -> None:
    """The events of any frames are the same, whatever pieces their bytes arrive in."""
    whole = b"".join(frame for frame, _ in frames)
    codec, events = with_streams(), []
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    for begin, end in pairwise(places):
        events += codec.receive(whole[begin:end])

    assert joined(events) == joined([event for _, some in frames for event in some])


@given(st.binary(max_size=200))
def test_bytes_that_are_no_frames_are_an_error_or_nothing(garbage: bytes) -> None:
    """Any bytes give events or an error of the protocol, and never more data than there is."""
    try:
        events = with_streams().receive(garbage)
    except SpdyError:
        return
    assert sum(len(event.data) for event in events if isinstance(event, Data)) <= len(garbage)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (control(PING, number(2), version=2), "a frame has version 2 instead of 3"),
        (b"\x80\x03\x00\x02\x00\xff\xff\xff", "a control frame has 16777215 bytes; the maximum is 16384"),
        (control(RST_STREAM, number(1)), "a control frame of type 3 has 4 bytes; the minimum is 8"),
        (control(PING, b""), "a control frame of type 6 has 0 bytes; the minimum is 4"),
        (b"HTTP/1.1", "there are data of stream 1213486160, which was not opened"),
        (data(2, b""), "there are data of stream 2, which was not opened"),
        (data(0, b""), "there are data of stream 0, which was not opened"),
        (data(11, b""), "there are data of stream 11, which was not opened"),
    ],
)
def test_what_is_wrong_is_named_before_all_of_it_has_arrived(frame: bytes, reason: str) -> None:
    with pytest.raises(SpdyError) as error:
        with_streams().receive(frame)
    assert str(error.value) == reason


def test_data_of_a_large_frame_is_given_as_it_arrives() -> None:
    codec = with_streams()

    assert codec.receive(number(3, 0xFFFFFF) + b"begin") == [Data(3, b"begin")]
    assert codec.receive(b"more") == [Data(3, b"more")]
    assert MAX_CONTROL_BYTES < 0xFFFFFF


def test_streams_have_odd_numbers_and_headers_packed_with_the_dictionary() -> None:
    codec, unpacker = SpdyCodec(), zlib.decompressobj(zdict=DICTIONARY)
    for expected, kind in ((1, "error"), (3, "data")):
        stream, frame = codec.open_stream({"streamtype": kind, "port": "8050"}, is_last=kind == "error")
        first, flags_and_size = struct.unpack(">II", frame[:8])

        assert (stream, first) == (expected, 0x80030001)
        assert flags_and_size == (int(kind == "error") << 24 | len(frame) - 8)
        assert frame[8:18] == number(expected, 0) + b"\0\0"
        assert unpacker.decompress(frame[18:]) == number(2) + b"".join(
            number(len(text)) + text for text in (b"streamtype", kind.encode(), b"port", b"8050")
        )


def test_what_is_sent_on_a_stream() -> None:
    codec = SpdyCodec()

    assert codec.data(3, b"GET /") == data(3, b"GET /")
    assert codec.data(3, b"", is_last=True) == data(3, b"", flags=1)
    assert codec.cancel(3) == control(RST_STREAM, number(3, 5))
