"""A TCP relay that resets connections at random numbers of bytes, in either direction."""

import random
import selectors
import socket
import struct
import threading
from contextlib import suppress

RECEIVE_BYTES = 64 << 10
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class CuttingRelay:
    """A relay from a port to a server, which cuts the first `cuts` connections within their first bytes.

    `replaced`: bytes that are replaced by others of the same length, on the way to the server, where they are received
    in one piece.
    """

    def __init__(
        self,
        port: int,
        target: int,
        cuts: int,
        *,
        within_bytes: int,
        seed: int,
        replaced: tuple[bytes, bytes] | None = None,
    ) -> None:
        self._target, self._random = target, random.Random(seed)
        self._replaced = replaced or (b"", b"")
        self._cuts, self._within_bytes = cuts, within_bytes
        self._server = socket.create_server(("127.0.0.1", port))
        self.cuts = 0
        self.relayed_bytes = 0
        self._lock = threading.Lock()
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
            with self._lock:
                is_cut = self.cuts < self._cuts
            budget = self._random.randrange(1, self._within_bytes) if is_cut else None
            threading.Thread(target=self._relay, args=(client, budget), daemon=True).start()

    def _relay(self, client: socket.socket, budget: int | None) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as server:
            selector = selectors.DefaultSelector()
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    data = source.recv(RECEIVE_BYTES if budget is None else min(RECEIVE_BYTES, budget))
                    if not data:
                        return
                    is_changed = source is client and self._replaced[0]
                    key.data.sendall(data.replace(*self._replaced) if is_changed else data)
                    with self._lock:
                        self.relayed_bytes += len(data)
                    if budget is not None:
                        budget -= len(data)
                        if budget <= 0:
                            with self._lock:
                                self.cuts += 1
                            for end in (client, server):
                                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                            return
