"""Replaces the process with the sleeper, which starts the viewer when a question arrives."""

import logging
import sys
import webbrowser

from fgm.listening import listen, url_of
from fgm.logs import fields
from fgm.viewer.asleep.handover import Plan, become_asleep
from fgm.viewer.settings import Settings

BEAT_CHECK_S = 15.0
"""Interval between two checks of the viewer's heartbeat, which is that of the liveness probe in the manifest."""
RETRY_S = 1.0
"""Pause after the second failed start of the viewer in a row. There is none after the first; later ones are longer."""

log = logging.getLogger(__name__)


def sleep(settings: Settings) -> None:
    """Open the sockets, and replace this process with the sleeper. It does not return.

    Raises: ListenError if an address cannot be used.
    """
    sock = listen(settings.host, settings.port)
    probe_sock = listen(settings.health_host, settings.health_port, "--health-") if settings.health_host else None
    url = url_of(sock)
    log.info("asleep until the first question", extra=fields(url=url, data_dir=settings.data_dir))
    if not settings.no_browser:
        webbrowser.open(url)  # its request wakes the viewer
    plan = Plan(
        sock.fileno(),
        None if probe_sock is None else probe_sock.fileno(),
        log_level=settings.log_level,
        log_form=settings.log_format,
        beat_check_s=BEAT_CHECK_S,
        retry_s=RETRY_S,
        paths=settings.files or (settings.data_dir,),
        command=(sys.executable, *sys.orig_argv[1:]),
    )
    become_asleep(plan)
