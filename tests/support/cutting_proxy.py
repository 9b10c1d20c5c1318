"""A proxy that cuts connections in the middle of a response."""

import socket
import sys
import threading
from contextlib import suppress


class CuttingProxy:
    """A proxy that cuts the first connections after some bytes, as a port-forward does whose pod moves."""

    def __init__(self, target: int, cuts: int, after_bytes: int) -> None:
        """`target`: the port of the viewer; `cuts`: number of connections to cut, each after so many bytes."""
        self._target, self._cuts, self._after_bytes = target, cuts, after_bytes
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.accepted = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Accept no more connections."""
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.accepted += 1
            left = self._after_bytes if self.accepted <= self._cuts else sys.maxsize
            with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as viewer:
                request = client.recv(65_536).replace(str(self.port).encode(), str(self._target).encode())
                viewer.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                while left and (data := viewer.recv(min(65_536, left))):
                    client.sendall(data)
                    left -= len(data)
