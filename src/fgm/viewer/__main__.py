"""The command `fgm-viewer`, also available as `python -m fgm.viewer`. `--help` lists the exit codes.

The garbage collector is off until all modules are imported: they are kept, and looking for garbage among them takes a
seventh of the time that importing takes. `fgm.viewer.daemon` switches it on.
"""

# ruff: noqa: E402 - see above

import gc
import os
import sys

gc.disable()

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import anyio

from fgm import logs
from fgm.allocator import share_one_arena
from fgm.clock import SystemClock
from fgm.listening import ListenError
from fgm.viewer.asleep.handover import take
from fgm.viewer.daemon import Daemon
from fgm.viewer.settings import from_command_line
from fgm.viewer.standby import sleep

EXIT_CANNOT_LISTEN = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run a viewer until SIGTERM or SIGINT; return the exit code. `argv`: arguments; None: those of this process."""
    share_one_arena()
    settings = from_command_line(argv)
    logs.configure(settings.log_level, settings.log_format)
    woken = take(os.environ)
    try:
        if settings.sleep_after_seconds and woken is None:
            sleep(settings)
        daemon = Daemon(settings, SystemClock(), os.environ.get("POD_NAME") or None, woken)
    except ListenError as error:
        sys.stderr.write(f"fgm-viewer: error: {error}\n")
        return EXIT_CANNOT_LISTEN
    with suppress(KeyboardInterrupt):  # a second Ctrl-C, while the viewer is stopping
        anyio.run(partial(_run, daemon))
    return 0


async def _run(daemon: Daemon) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(daemon.stop_on_signals, name="signals")
        await daemon.run()
        group.cancel_scope.cancel()


if __name__ == "__main__":
    sys.exit(main())
