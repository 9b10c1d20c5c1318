"""`kubectl proxy` as a child process: a socket through which requests to the API server have the user's login."""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fgm.cluster.kubectl.serving import ServingKubectl


class ApiProxy(ServingKubectl):
    """A `kubectl proxy` that listens on a socket in a folder of its own, and on nothing else.

    On Linux, the socket has no name any more as soon as it listens: nothing is left if this process is killed.
    """

    def __init__(self, command: Sequence[str], accepted: str) -> None:
        """Start it. `accepted`: regular expression of the only paths that it accepts, for requests with POST."""
        self._folder = Path(tempfile.mkdtemp(prefix="fgm-"))
        self._socket: int | None = None
        flags = (
            f"--unix-socket={self._path}",
            "--append-server-path",  # of the kubeconfig, as other commands do
            f"--accept-paths=^{accepted}$",
            "--reject-methods=^([^P]|P[^O])",
        )
        try:
            super().__init__([*command, *flags], "Starting to serve on ")
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    @property
    def _path(self) -> Path:
        return self._folder / "api.sock"

    def socket(self) -> str | None:
        """Wait until it listens, and return the path to connect to; None if it ends before. Call it once."""
        if self.started() is None:
            return None
        if sys.platform != "linux":
            return str(self._path)
        self._socket = os.open(self._path, os.O_PATH)
        shutil.rmtree(self._folder)
        return f"/proc/self/fd/{self._socket}"

    def stop(self) -> None:
        """End kubectl, and wait until it has ended."""
        super().stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._socket is not None:
            os.close(self._socket)
            self._socket = None
