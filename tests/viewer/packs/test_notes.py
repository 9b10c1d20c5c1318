"""Notes in the fragment of a URL: those that are written are read again, and what is none is left out."""

import pytest

from fgm.viewer.packs.notes import MAX_NOTES, notes_in, with_notes

BEGIN, END = "2025-12-30T14:32:00Z", "2025-12-30T14:33:00Z"
BEGIN_MS = 1_767_105_120_000


def test_notes_are_added_and_read() -> None:
    view = with_notes("from=a&to=b", [f"{BEGIN}:the deploy; 50 % & more", f"{BEGIN}~{END}:größer"])

    assert view.startswith("from=a&to=b&notes=")
    assert view.count("&") == 2
    assert notes_in(view) == [
        {"from_ms": BEGIN_MS, "to_ms": None, "text": "the deploy; 50 % & more"},
        {"from_ms": BEGIN_MS, "to_ms": BEGIN_MS + 60_000, "text": "größer"},
    ]
    assert [note["text"] for note in notes_in(with_notes(view, [f"{END}:later"]))][-1] == "later"


def test_a_view_stays_as_it_is_without_notes() -> None:
    assert with_notes("lanes=cpu", []) == "lanes=cpu"
    assert notes_in("lanes=cpu") == []


@pytest.mark.parametrize(
    "text", ["", "the deploy", f"{BEGIN}", f"{BEGIN}: ", f"{END}~{BEGIN}:x", "2025-13-30T14:32:00Z:x"]
)
def test_what_is_no_note_is_refused_and_left_out(text: str) -> None:
    with pytest.raises(ValueError, match="is not a note: give FROM:TEXT"):
        with_notes("", [text])
    assert notes_in(f"notes={text}") == []


def test_there_are_not_too_many_and_not_too_long() -> None:
    assert len(notes_in(f"notes={';'.join([f'{BEGIN}:x'] * 60)}")) == MAX_NOTES
    with pytest.raises(ValueError, match="too many"):
        with_notes("", [f"{BEGIN}:x"] * (MAX_NOTES + 1))
    assert len(notes_in(f"notes={BEGIN}:{'x' * 500}")[0]["text"]) == 280
