"""The real viewer as a child process: its start, its heartbeat, and its end."""

import os
import signal
import socket

from fgm.viewer.asleep.handover import VARIABLE, Woken

MAX_SILENT_CHECKS = 4
"""Number of checks without a heartbeat after which a viewer hangs: as many as failed probes of the manifest."""
MAX_SILENT_CHECKS_AT_START = 8
"""The same before the first heartbeat, when a slow node may need long to import the viewer."""
_BEATS = 4096


class ViewerProcess:
    """A running viewer. It has no descriptors of ours but the listening socket and one end of a pair of sockets."""

    def __init__(self, command: list[str], listening_fd: int, since_s: float) -> None:
        """Start a viewer. `listening_fd`: must be inheritable.

        Raises: OSError if it cannot be started.
        """
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)  # noqa: FBT003 - the standard library's own parameter
        self._silent_checks = 0
        self.has_served = False
        """Whether it has sent a heartbeat, which it does as soon as it accepts connections."""
        try:
            os.set_inheritable(theirs.fileno(), True)  # noqa: FBT003 - the standard library's own parameter
            woken = Woken(listening_fd, theirs.fileno(), since_s)
            self.pid = os.posix_spawn(command[0], command, {**os.environ, VARIABLE: woken.variable()})
        except OSError:
            self._control.close()
            raise
        finally:
            theirs.close()

    def hangs(self) -> bool:
        """Read the heartbeats since the last call; return whether too many calls in a row found none.

        Calls are counted, not time: if the whole pod is frozen, its processes continue in any order.
        """
        if self._read_beats():
            self._silent_checks = 0
            return False
        self._silent_checks += 1
        return self._silent_checks >= (MAX_SILENT_CHECKS if self.has_served else MAX_SILENT_CHECKS_AT_START)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal. The process must not have been waited for."""
        os.kill(self.pid, number)

    def close(self) -> None:
        """Read the last heartbeats, and close our end of the sockets. A viewer that still runs stops."""
        self._read_beats()
        self._control.close()

    def _read_beats(self) -> bool:
        try:
            has_beaten = bool(self._control.recv(_BEATS))
        except OSError:  # nothing was sent, or the viewer was killed
            return False
        self.has_served = self.has_served or has_beaten
        return has_beaten
