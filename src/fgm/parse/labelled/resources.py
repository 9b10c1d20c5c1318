"""Parses files with a value for each resource: `misc.*` and `dmem.*` of cgroup v2.

    res_a 3                                   misc.current, misc.capacity; in misc.max also `res_a max`
    res_a.max 12                              misc.events
    drm/0000:03:00.0/vram0 12550144           dmem.current, dmem.capacity; in dmem.max also `… max`

Source: admin-guide/cgroup-v2.rst of Linux 6.18, "Misc" and "DMEM"; kernel/cgroup/misc.c, kernel/cgroup/dmem.c.
"""

from fgm.parse.errors import ParseError

_NO_LIMIT = b"max"


def resources(text: bytes, file: str, key: bytes = b"") -> dict[str, float]:
    """Return the value of each resource, by its name. Those without a limit ("max") are left out.

    `file`: its name, for errors; `key`: end of the names of those that are returned, without which they are returned,
    such as `.max` in misc.events.

    Raises: ParseError if a line is not a name and an integer or "max".
    """
    values: dict[str, float] = {}
    for line in text.split(b"\n"):
        name, _, number = line.rpartition(b" ")
        if not line.strip() or not name.endswith(key):
            continue
        try:
            if number.strip() != _NO_LIMIT:
                values[name.removesuffix(key).strip().decode(errors="backslashreplace")] = int(number)
        except ValueError:
            raise ParseError(file, line, 'a name, and an integer or "max"') from None
    return values
