"""Writing a pack: what could not be read again is not written."""

import os

import pytest

from fgm.viewer.packs.pack_format import BadPackError
from fgm.viewer.packs.pack_writer import PackWriter


def test_names_of_parts_are_checked() -> None:
    writer = PackWriter("A test", "")
    writer.part("index", b"")
    for name in ("index", "../index", "", "Index"):
        with pytest.raises(ValueError, match="is not the name of one part"):
            writer.part(name, b"")


def test_a_script_that_would_end_its_element_is_refused() -> None:
    with pytest.raises(ValueError, match="end tag of a script"):
        PackWriter("A test", "</SCRIPT>")


def test_a_title_is_text() -> None:
    assert b"<title>&lt;b&gt;</title>" in PackWriter("<b>", "").begin()


def test_a_pack_that_is_too_large_is_not_written() -> None:
    writer = PackWriter("A test", "")
    with pytest.raises(BadPackError, match="larger than 59 MiB"):
        writer.part("rows/0", os.urandom(46 << 20), is_compressed=True)
