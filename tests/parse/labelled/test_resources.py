"""misc.* and dmem.*, written after the documentation of Linux 6.18: no machine of ours has such resources."""

import pytest

from fgm.parse.errors import ParseError
from fgm.parse.labelled.resources import resources


def test_each_resource_has_its_value_and_max_is_no_limit() -> None:
    assert resources(b"res_a 3\nres_b 0\n", "misc.current") == {"res_a": 3, "res_b": 0}
    assert resources(b"res_a max\nres_b 4\n", "misc.max") == {"res_b": 4}
    assert resources(b"res_a.max 12\nres_b.max 0\n", "misc.events", b".max") == {"res_a": 12, "res_b": 0}
    vram = b"drm/0000:03:00.0/vram0 12550144\ndrm/0000:03:00.0/stolen 8650752\n"
    assert resources(vram, "dmem.current") == {
        "drm/0000:03:00.0/vram0": 12550144,
        "drm/0000:03:00.0/stolen": 8650752,
    }
    assert resources(b"", "misc.current") == {}


@pytest.mark.parametrize("text", [b"res_a\n", b"res_a x\n", b"res_a 1.5\n"])
def test_a_malformed_line_raises(text: bytes) -> None:
    with pytest.raises(ParseError, match=r"misc\.current: "):
        resources(text, "misc.current")
