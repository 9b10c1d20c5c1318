"""A throw-away Linux machine with cgroup v2, emulated by QEMU: makes it, and runs one command in it. See README.md.

The machine is booted once and saved; every run goes on from there, on a disk that forgets what is written, and ends
like a power cut. So a run costs a second, and nothing that one test does is seen by another.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import platform
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

CPUS, MEMORY_MB = 2, 2048
PYTHON_VERSION = (3, 11)
"""Of the system's own interpreter, Debian 12's."""
BOOT_TIMEOUT_S = 240
RESUME_TIMEOUT_S = 30
SHARES = 5
"""So many folders can be shared. All are always there, since only the very same machine can go on from a saved one."""

_HERE = Path(__file__).resolve().parent
_HEAD = struct.Struct("!cI")
_PORT = "fgm-vm"
_KERNEL_COMMAND_LINE = (
    "console=ttyS0 quiet loglevel=4 panic=-1 root=/dev/vda rw net.ifnames=0 psi=1 audit=0 mitigations=off "
    "random.trust_cpu=on systemd.show_status=no systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all"
)


class MachineError(Exception):
    """Raised when the machine cannot be made or does not run; what is known of why is in the message."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command in the machine ended."""

    status: int
    stdout: bytes
    stderr: bytes


def cache() -> Path:
    """Return the folder of the image: $FGM_VM_CACHE, else fgm-vm in the user's cache."""
    user_cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("FGM_VM_CACHE") or f"{user_cache}/fgm-vm")


def why_none() -> str | None:
    """Return what is missing for a run, as a sentence; None where nothing is."""
    if platform.machine() != "x86_64":
        return f"the virtual machine is x86-64 only, and this is {platform.machine()}"
    if not (cache() / "root.img").exists():
        return f"there is no image of the virtual machine in {cache()}: `python -m tests.vm build` makes it, as root"
    if shutil.which("qemu-system-x86_64") is None:
        return "there is no qemu-system-x86_64"
    if not os.access(cache(), os.W_OK):
        return f"{cache()} is not writable, and a booted machine has to be saved there"
    return None


def build() -> None:
    """Make the image if it is not there or its recipe changed, and save a booted machine. Raises MachineError."""
    cache().mkdir(parents=True, exist_ok=True)
    recipe = hashlib.sha256((_HERE / "build_image").read_bytes()).hexdigest()
    mark = cache() / "recipe"
    with _locked("build"):
        if not ((cache() / "root.img").exists() and mark.exists() and mark.read_text() == recipe):
            if subprocess.run([_HERE / "build_image", cache()], check=False).returncode:
                raise MachineError("the image could not be built")
            mark.write_text(recipe)
    _saved()


def run(
    command: Sequence[str],
    *,
    share: str,
    share_read_only: Sequence[str] = (),
    forward: Mapping[int, int] | None = None,
    timeout_s: float = 600,
    stdout: Callable[[bytes], object] | None = None,
    stderr: Callable[[bytes], object] | None = None,
) -> Done:
    """Run a command as root in the machine, in the folder `share`.

    `share`: is writable, `share_read_only` are not; all have the same paths inside. `forward`: ports of 127.0.0.1 here
    to ports there, of servers that listen on 0.0.0.0. `stdout`, `stderr`: take what is printed as it comes.
    Raises MachineError (see `why_none`), and TimeoutError when it all took longer than `timeout_s`.
    """
    shares = [os.path.realpath(path) for path in (share, *share_read_only)]
    if len(shares) > SHARES:
        raise MachineError(f"only {SHARES} folders can be shared")
    reason = why_none()
    if reason is not None:
        raise MachineError(reason)
    saved = _saved()
    deadline = time.monotonic() + timeout_s
    forwarded = dict(forward or {})
    printed: dict[bytes, bytearray] = {b"O": bytearray(), b"E": bytearray()}
    listeners = {b"O": stdout, b"E": stderr}
    with _Qemu(shares, forwarded, saved) as qemu:
        qemu.resume(saved)
        job = {
            "command": list(command),
            "folder": shares[0],
            "shares": [{"tag": f"share{i}", "path": path, "read_only": i > 0} for i, path in enumerate(shares)],
            "connect": bool(forwarded),
            "time": time.time(),
        }
        qemu.send(b"J", json.dumps(job).encode())
        while True:
            kind, data = qemu.receive(deadline)
            if kind == b"X":
                end = json.loads(data)
                if "error" in end:
                    raise MachineError(end["error"])
                return Done(end["status"], bytes(printed[b"O"]), bytes(printed[b"E"]))
            printed[kind] += data
            listener = listeners[kind]
            if listener is not None:
                listener(data)


def _saved() -> Path:
    """Return the folder of a machine that was booted and saved; one is made where there is none yet."""
    version = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, check=True).stdout
    parts = [version, str(os.stat(cache() / "root.img").st_mtime_ns).encode()]
    parts += [(_HERE / name).read_bytes() for name in ("machine.py", "guest.py", "fakepod")]
    folder = cache() / f"saved-{hashlib.sha256(b''.join(parts)).hexdigest()[:12]}"
    with _locked("saved"):
        if not folder.exists():
            for old in cache().glob("saved-*"):
                shutil.rmtree(old)
            new = cache() / "saving"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            image = cache() / "root.img"
            overlay = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image), str(new / "disk")]
            subprocess.run(overlay, check=True)
            with _Qemu([], {}, new, is_booting=True) as qemu:
                kind, _ = qemu.receive(time.monotonic() + BOOT_TIMEOUT_S)
                if kind != b"R":
                    raise MachineError(f"the guest said {kind!r} instead of being ready")
                qemu.save(new)
            new.rename(folder)
    return folder


@contextmanager
def _locked(name: str) -> Iterator[None]:
    with open(cache() / f"{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Qemu:
    """One QEMU process, with a line to the guest and one to its monitor; nothing of it is left at the end."""

    def __init__(
        self, shares: Sequence[str], forward: Mapping[int, int], saved: Path, *, is_booting: bool = False
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
            *("-cpu", "max,la57=off", "-smp", str(CPUS), "-m", str(MEMORY_MB), "-rtc", "base=utc"),
            # The saved memory is the file itself, which a machine that goes on from it maps copy-on-write.
            "-object",
            f"memory-backend-file,id=ram,size={MEMORY_MB}M,mem-path={saved}/memory,share={_on(is_booting)}",
            *([] if is_booting else ["-incoming", "defer"]),
            *("-kernel", str(cache() / "vmlinuz"), "-initrd", str(cache() / "initrd.img")),
            *("-append", _KERNEL_COMMAND_LINE),
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
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread runs here
                start_new_session=True,  # Ctrl-C is for its parent to handle
            )
        port.close()
        qmp.close()

    def __enter__(self) -> Self:
        self._answers = self._qmp.makefile("r")
        try:
            self._answers.readline()  # its greeting
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
        self._answers.close()
        self._port.close()
        self._qmp.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def save(self, folder: Path) -> None:
        """Write the state beside the memory and the disk."""
        self._command("migrate", uri=f"exec:cat > {shlex.quote(str(folder / 'state'))}")
        while (state := self._command("query-migrate"))["status"] != "completed":
            if state["status"] in ("failed", "cancelled"):
                raise MachineError(f"it could not be saved: {state}")
            time.sleep(0.05)
        self._command("quit")
        self._process.wait(RESUME_TIMEOUT_S)

    def resume(self, folder: Path) -> None:
        """Go on from a saved machine."""
        self._command("migrate-incoming", uri=f"exec:cat {shlex.quote(str(folder / 'state'))}")

    def send(self, kind: bytes, data: bytes) -> None:
        """Send the guest a frame."""
        self._port.sendall(_HEAD.pack(kind, len(data)) + data)

    def receive(self, deadline: float) -> tuple[bytes, bytes]:
        """Return the guest's next frame. Raises TimeoutError, and MachineError when QEMU is gone."""
        kind, length = _HEAD.unpack(self._take(_HEAD.size, deadline))
        return kind, self._take(length, deadline)

    def _take(self, size: int, deadline: float) -> bytes:
        while len(self._received) < size:
            self._port.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                more = self._port.recv(1 << 17)
            except TimeoutError:
                raise TimeoutError(f"the virtual machine took too long{self._last_words()}") from None
            except ConnectionResetError:
                more = b""
            if not more:
                raise MachineError(f"the virtual machine went away{self._last_words()}")
            self._received += more
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _command(self, name: str, **arguments: Any) -> Any:
        try:
            self._qmp.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
            while True:
                answer = json.loads(self._answers.readline())
                if "error" in answer:
                    raise MachineError(answer["error"]["desc"])
                if "return" in answer:
                    return answer["return"]
        except (OSError, json.JSONDecodeError):
            raise MachineError(f"QEMU does not answer{self._last_words()}") from None

    def _last_words(self) -> str:
        words = b""
        for name in ("errors", "console"):
            with contextlib.suppress(OSError):
                words += Path(self._scratch, name).read_bytes()[-2000:]
        return f"; its last words:\n{words.decode(errors='replace')}" if words else ""


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def write_through(stream: Any) -> Callable[[bytes], object]:
    """Return what passes printed bytes on to one of this process's own streams."""

    def write(data: bytes) -> None:
        stream.buffer.write(data)
        stream.flush()

    return write


if __name__ == "__main__":
    sys.exit("run it as `python -m tests.vm`")
