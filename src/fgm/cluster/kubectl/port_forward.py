"""`kubectl port-forward` as a child process: its port on this machine, and its messages."""

from collections.abc import Sequence

from fgm.cluster.kubectl.serving import ServingKubectl


class PortForward(ServingKubectl):
    """A `kubectl port-forward`, which ends when the context is left."""

    def __init__(self, command: Sequence[str]) -> None:
        super().__init__(command, "Forwarding from ")

    def port(self) -> int | None:
        """Wait until the port on this machine is open, and return it; None if kubectl ends before. Call it once."""
        line = self.started()
        return None if line is None else int(line.split(" ")[0].rpartition(":")[2])
