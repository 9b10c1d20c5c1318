"""One QEMU process that runs the virtual machine: its virtual hardware, its monitor and the line to the guest."""

import contextlib
import ctypes
import json
import os
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

CPUS, MEMORY_MB = 2, 2048
QUIT_TIMEOUT_S = 30
SHARES = 5
"""Number of folders that can be shared. Every machine has all of them, because only an equal one can resume."""

_HERE = Path(__file__).resolve().parent
_HEAD = struct.Struct("!cI")
_PORT = "fgm-vm"
_KERNEL_COMMAND_LINE = (
    "console=ttyS0 quiet loglevel=4 panic=-1 root=/dev/vda rw net.ifnames=0 psi=1 audit=0 mitigations=off "
    "random.trust_cpu=on systemd.show_status=no systemd.unified_cgroup_hierarchy=1"
)
# Once systemd has used memory or blkio on v2, the kernel no longer lets v1 have it. The other way round works.
_MOUNT_V1 = (
    "for c in cpu cpuacct memory blkio pids; do mkdir -p /run/v1/$c; mount -t cgroup -o $c cgroup /run/v1/$c; done"
)
KERNEL_COMMAND_LINES = {
    "v2": f"{_KERNEL_COMMAND_LINE} cgroup_no_v1=all",
    "v1": f'{_KERNEL_COMMAND_LINE} init=/bin/sh -- -c "{_MOUNT_V1}; exec /sbin/init"',
}
"""By the version of cgroups that has the controllers. With v1, each has a hierarchy at /run/v1, without cgroups yet."""


class MachineError(Exception):
    """Raised when the machine cannot be made or does not run; the message contains the known reason."""


class Qemu:
    """One QEMU process; it and its temporary files are gone when the block is left.

    `image`: the folder of kernel and initrd. `saved`: the folder of the machine's memory and disk. `cgroups`: key of
    KERNEL_COMMAND_LINES.
    """

    def __init__(
        self,
        image: Path,
        saved: Path,
        shares: Sequence[str],
        forward: Mapping[int, int],
        *,
        cgroups: str,
        is_booting: bool = False,
    ) -> None:
        self._scratch = tempfile.mkdtemp(prefix="fgm-vm-")
        self._port, port = socket.socketpair()
        self._qmp, qmp = socket.socketpair()
        self._received = bytearray()
        os.mkdir(f"{self._scratch}/nothing")
        folders = [*shares, *[f"{self._scratch}/nothing"] * (SHARES - len(shares))]
        arguments = [
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
            *("-machine", "q35,usb=off,vmport=off,memory-backend=ram", "-accel", "tcg,thread=multi"),
            # With AVX2, argsort of numpy returns a wrong order in QEMU 7.2 (findings/numpy-argsort-under-qemu.sh).
            *("-cpu", "max,la57=off,avx2=off", "-smp", str(CPUS), "-m", str(MEMORY_MB), "-rtc", "base=utc"),
            # The saved memory is this file; a machine that resumes from it maps it copy-on-write.
            "-object",
            f"memory-backend-file,id=ram,size={MEMORY_MB}M,mem-path={saved}/memory,share={_on(is_booting)}",
            *([] if is_booting else ["-incoming", "defer"]),
            *("-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd.img")),
            *("-append", KERNEL_COMMAND_LINES[cgroups]),
            "-drive",
            f"file={saved}/disk,format=qcow2,if=none,id=root,cache=unsafe,snapshot={_on(not is_booting)}",
            *("-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci"),
            *("-chardev", f"file,id=console,path={self._scratch}/console", "-serial", "chardev:console"),
            *("-chardev", f"socket,id=port,fd={port.fileno()}", "-device", "virtio-serial-pci"),
            *("-device", f"virtserialport,chardev=port,name={_PORT}"),
            *("-chardev", f"socket,id=qmp,fd={qmp.fileno()}", "-mon", "chardev=qmp,mode=control"),
            "-netdev",
            "user,id=net,restrict=on"
            + "".join(f",hostfwd=tcp:127.0.0.1:{here}-10.0.2.15:{there}" for here, there in forward.items()),
            *("-device", "virtio-net-pci,netdev=net,romfile="),
        ]
        owner = "passthrough" if os.geteuid() == 0 else "none"
        for tag, folder, read_only in [
            ("tools", str(_HERE), True),
            *((f"share{i}", folder, i > 0) for i, folder in enumerate(folders)),
        ]:
            options = f"path={folder},security_model={owner},multidevs=remap,readonly={_on(read_only)}"
            arguments += ["-fsdev", f"local,id={tag},{options}"]
            arguments += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        with open(f"{self._scratch}/errors", "wb") as errors:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                pass_fds=[port.fileno(), qmp.fileno()],
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no other thread runs here
                process_group=0,  # Ctrl-C is for its parent to handle; its niceness is that of the session
            )
        port.close()
        qmp.close()

    def __enter__(self) -> Self:
        self._responses = self._qmp.makefile("r")
        try:
            self._responses.readline()  # its greeting
            self._command("qmp_capabilities")
            capability = {"capability": "x-ignore-shared", "state": True}  # memory is not in the state, but in its file
            self._command("migrate-set-capabilities", capabilities=[capability])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._responses.close()
        self._port.close()
        self._qmp.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def save(self, folder: Path) -> None:
        """Write the state next to the memory and the disk."""
        self._command("migrate", uri=f"exec:cat > {shlex.quote(str(folder / 'state'))}")
        while (state := self._command("query-migrate"))["status"] != "completed":
            if state["status"] in ("failed", "cancelled"):
                raise MachineError(f"the machine could not be saved: {state}")
            time.sleep(0.05)
        self._command("quit")
        self._process.wait(QUIT_TIMEOUT_S)

    def resume(self, folder: Path) -> None:
        """Continue from a saved machine."""
        self._command("migrate-incoming", uri=f"exec:cat {shlex.quote(str(folder / 'state'))}")

    def send(self, kind: bytes, data: bytes) -> None:
        """Send a frame to the guest."""
        self._port.sendall(_HEAD.pack(kind, len(data)) + data)

    def receive(self, deadline: float) -> tuple[bytes, bytes]:
        """Return the next frame of the guest.

        Raises: TimeoutError if none is whole at the deadline.
        Raises: MachineError if QEMU has ended.
        """
        kind, length = _HEAD.unpack(self._read(_HEAD.size, deadline))
        return kind, self._read(length, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        while len(self._received) < size:
            self._port.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                more = self._port.recv(1 << 17)
            except TimeoutError:
                raise TimeoutError(f"the virtual machine took too long{self._last_output()}") from None
            except ConnectionResetError:
                more = b""
            if not more:
                raise MachineError(f"the virtual machine ended{self._last_output()}")
            self._received += more
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _command(self, name: str, **arguments: Any) -> Any:
        try:
            self._qmp.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
            while True:
                response = json.loads(self._responses.readline())
                if "error" in response:
                    raise MachineError(response["error"]["desc"])
                if "return" in response:
                    return response["return"]
        except (OSError, json.JSONDecodeError):
            raise MachineError(f"QEMU does not respond{self._last_output()}") from None

    def _last_output(self) -> str:
        output = b""
        for name in ("errors", "console"):
            with contextlib.suppress(OSError):
                output += Path(self._scratch, name).read_bytes()[-2000:]
        return f"; its last output:\n{output.decode(errors='replace')}" if output else ""


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
