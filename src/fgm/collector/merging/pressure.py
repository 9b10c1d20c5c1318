"""Whether the node lacks a resource, from its pressure stall information (PSI).

Source: accounting/psi.rst, "Pressure interface".
"""

import os
import re

MAX_PRESSURE = {"cpu": 40.0, "memory": 10.0, "io": 40.0}
"""Maximum share of time, in percent, in which some task of the node waited for a resource in the last ten seconds."""
_SOME = re.compile(rb"some avg10=([0-9.]+) ")


def lacking(proc_root: str) -> str | None:
    """Return the resource for which tasks of the node wait more than allowed; None if there is none.

    A kernel without PSI counts as a node that lacks nothing. `proc_root`: where the host's /proc is mounted.
    """
    for name, most in MAX_PRESSURE.items():
        try:
            with open(os.path.join(proc_root, "pressure", name), "rb") as file:
                match = _SOME.match(file.read(200))
        except OSError:
            continue
        if match is not None and float(match[1]) > most:
            return name
    return None
