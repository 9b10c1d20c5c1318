"""The source of a command that reads a data directory: the directory, or a pack, which is unpacked first."""

import sys
from collections.abc import Callable

from fgm.termination import stop_on_sigterm


def run_on_directory(source: str, run: Callable[[str], int], *, checks_all: bool = False) -> int:
    """Run a command on a data directory, or on the data of a pack, and return its exit code.

    `checks_all`: whether to check the parts of a pack that only a page reads, too.
    """
    if not source.endswith(".html"):
        return run(source)
    # only for a pack
    from fgm.viewer.packs.opening.opened_packs import opened  # noqa: PLC0415
    from fgm.viewer.packs.pack_format import BadPackError  # noqa: PLC0415

    stop_on_sigterm()
    try:
        with opened([source], checks_all=checks_all) as packs:
            return run(packs.data_dir)
    except (BadPackError, OSError) as error:
        sys.stderr.write(f"fgm: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("fgm: stopped\n")
        return 1
