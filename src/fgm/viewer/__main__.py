"""The command `fgm-viewer`, also available as `python -m fgm.viewer`. `--help` lists the exit codes.

What the sleeper does not need is imported after the process has become one, or else is woken. The garbage collector is
off until all modules are imported: they are kept, and looking for garbage among them takes a seventh of the time that
importing takes. `fgm.viewer.daemon` switches it on.
"""

# ruff: noqa: PLC0415 - see above

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from fgm import logs
from fgm.listening import ListenError
from fgm.viewer.asleep.handover import Woken, take
from fgm.viewer.settings import Settings, from_command_line

if TYPE_CHECKING:
    from fgm.viewer.daemon import Daemon
    from fgm.viewer.packs.opening.opened_packs import OpenedPacks

EXIT_BAD_DATA = 2
EXIT_CANNOT_LISTEN = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run a viewer until SIGTERM or SIGINT; return the exit code. `argv`: arguments; None: those of this process."""
    gc.disable()
    settings = from_command_line(argv)
    logs.configure(settings.log_level, settings.log_format)
    woken = take(os.environ)
    try:
        if settings.sleep_after_seconds and woken is None:
            from fgm.viewer.standby import sleep

            sleep(settings)
        if settings.packs:
            return _serve_packs(settings)
        _serve(settings, woken)
    except ListenError as error:
        sys.stderr.write(f"fgm-viewer: error: {error}\n")
        return EXIT_CANNOT_LISTEN
    return 0


def _serve_packs(settings: Settings) -> int:
    from fgm.termination import stop_on_sigterm
    from fgm.viewer.packs.opening.opened_packs import opened
    from fgm.viewer.packs.pack_format import BadPackError

    stop_on_sigterm()  # so that what was unpacked is removed
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        try:
            packs = stack.enter_context(opened(settings.packs))
        except (BadPackError, OSError) as error:
            sys.stderr.write(f"fgm-viewer: error: {error}\n")
            return EXIT_BAD_DATA
        _serve(settings, None, packs)
    return 0


def _serve(settings: Settings, woken: Woken | None, packs: "OpenedPacks | None" = None) -> None:
    import anyio

    from fgm.allocator import share_one_arena
    from fgm.clock import SystemClock
    from fgm.viewer.daemon import Daemon

    share_one_arena()
    daemon = Daemon(settings, SystemClock(), os.environ.get("POD_NAME") or None, woken, packs)
    with suppress(KeyboardInterrupt):  # a second Ctrl-C, while the viewer is stopping
        anyio.run(_run, daemon)
    if woken is not None:
        from fgm.viewer import page_cache
        from fgm.viewer.web.assets import paths_of_assets

        page_cache.end_and_deactivate([*page_cache.program_files(), *paths_of_assets()])


async def _run(daemon: "Daemon") -> None:
    import anyio

    async with anyio.create_task_group() as group:
        group.start_soon(daemon.stop_on_signals, name="signals")
        await daemon.run()
        group.cancel_scope.cancel()


if __name__ == "__main__":
    sys.exit(main())
