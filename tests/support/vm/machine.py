"""A disposable Linux machine with cgroup v2, emulated by QEMU: makes its image, and runs one command in it.

The machine is booted once and its state is saved. Each run continues from that state, on a disk that discards what is
written, and ends like a power cut. So a run costs a second, and no test sees what another one did.

`python -m tests.vm build` makes the image in `$FGM_VM_CACHE`, by default `~/.cache/fgm-vm` (root, about five minutes).
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.vm.qemu import SHARES, MachineError, Qemu

PYTHON_VERSION = (3, 11)
"""Version of the interpreter that the machine itself has, of Debian 12."""
BOOT_TIMEOUT_S = 240

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Done:
    """How a command in the machine ended, and what it printed."""

    status: int
    stdout: bytes
    stderr: bytes


def cache() -> Path:
    """Return the folder of the image: $FGM_VM_CACHE, else fgm-vm in the user's cache."""
    user_cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("FGM_VM_CACHE") or f"{user_cache}/fgm-vm")


def why_none() -> str | None:
    """Return what is missing for a run, as a sentence, or None if nothing is missing."""
    if platform.machine() != "x86_64":
        return f"the virtual machine is x86-64 only, and this is {platform.machine()}"
    if not (cache() / "root.img").exists():
        return f"there is no image of the virtual machine in {cache()}: `python -m tests.vm build` makes it, as root"
    if shutil.which("qemu-system-x86_64") is None:
        return "qemu-system-x86_64 is not installed"
    if not os.access(cache(), os.W_OK):
        return f"{cache()} is not writable, but the booted machine has to be saved there"
    return None


def build() -> None:
    """Make the image if it is missing or its recipe changed, and save a booted machine.

    Raises: MachineError if the image cannot be built or the machine does not boot.
    """
    cache().mkdir(parents=True, exist_ok=True)
    recipe = hashlib.sha256((_HERE / "build_image").read_bytes()).hexdigest()
    mark = cache() / "recipe"
    with _locked("build"):
        if not ((cache() / "root.img").exists() and mark.exists() and mark.read_text() == recipe):
            if subprocess.run([_HERE / "build_image", cache()], check=False).returncode:
                raise MachineError("the image could not be built")
            mark.write_text(recipe)
    _saved_machine("v2")


def run(
    command: Sequence[str],
    *,
    share: str,
    share_read_only: Sequence[str] = (),
    forward: Mapping[int, int] | None = None,
    cgroups: str = "v2",
    timeout_s: float = 600,
    stdout: Callable[[bytes], object] | None = None,
    stderr: Callable[[bytes], object] | None = None,
) -> Done:
    """Run a command as root in the machine, in the folder `share`.

    `share` is writable, `share_read_only` are not; all have the same paths in the machine. `forward` maps ports of
    127.0.0.1 here to ports there, of servers that listen on 0.0.0.0. `cgroups`: the version that has the controllers,
    "v2" or "v1". `stdout` and `stderr` receive what is printed as
    it arrives.

    Raises: MachineError if the machine does not run (see `why_none`).
    Raises: TimeoutError if it all takes longer than `timeout_s`.
    """
    shares = [os.path.realpath(path) for path in (share, *share_read_only)]
    if len(shares) > SHARES:
        raise MachineError(f"{len(shares)} folders cannot be shared: the machine has room for {SHARES}")
    reason = why_none()
    if reason is not None:
        raise MachineError(reason)
    saved = _saved_machine(cgroups)
    deadline = time.monotonic() + timeout_s
    forwarded = dict(forward or {})
    printed: dict[bytes, bytearray] = {b"O": bytearray(), b"E": bytearray()}
    listeners = {b"O": stdout, b"E": stderr}
    with Qemu(cache(), saved, shares, forwarded, cgroups=cgroups) as qemu:
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


def _saved_machine(cgroups: str) -> Path:
    """Return the folder of a machine that was booted and saved; boot and save one first if there is none."""
    version = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, check=True).stdout
    parts = [version, str(os.stat(cache() / "root.img").st_mtime_ns).encode()]
    parts += [(_HERE / name).read_bytes() for name in ("machine.py", "qemu.py", "guest.py", "fakepod")]
    prefix = "saved" if cgroups == "v2" else f"with-{cgroups}"
    folder = cache() / f"{prefix}-{hashlib.sha256(b''.join(parts)).hexdigest()[:12]}"
    with _locked("saved"):
        if not folder.exists():
            for old in cache().glob(f"{prefix}-*"):
                shutil.rmtree(old)
            new = cache() / "saving"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            image = cache() / "root.img"
            overlay = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image), str(new / "disk")]
            subprocess.run(overlay, check=True)
            with Qemu(cache(), new, [], {}, cgroups=cgroups, is_booting=True) as qemu:
                kind, _ = qemu.receive(time.monotonic() + BOOT_TIMEOUT_S)
                if kind != b"R":
                    raise MachineError(f"the guest sent {kind!r} instead of being ready")
                qemu.save(new)
            new.rename(folder)
    return folder


@contextmanager
def _locked(name: str) -> Iterator[None]:
    with open(cache() / f"{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_through(stream: Any) -> Callable[[bytes], object]:
    """Return a function that writes printed bytes to one of this process's own streams at once."""

    def write(data: bytes) -> None:
        stream.buffer.write(data)
        stream.flush()

    return write


if __name__ == "__main__":
    sys.exit("run it as `python -m tests.vm`")
