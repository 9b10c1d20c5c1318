"""Lets go of the page cache that a viewer leaves behind when it ends.

The kernel calls a page of a file active after it was used twice, and the kubelet counts active pages as memory that the
container needs, even if no process uses them any more. After a few starts a viewer would leave 40 MiB of its own
program.

    program    stays in the cache, so that the next start reads nothing from the disk, but is no longer active
    data       is removed from the cache

The kernel deactivates a page only through a mapping, and only if there is no other one. What is mapped, such as
libraries, is deactivated in place, and by the sleeper, if it has mapped it, too. What was read, and small libraries,
whose pages the kernel keeps in blocks that several mappings share, needs another process that maps it: one without
site-packages, by which the viewer replaces itself.

Source: madvise(2), MADV_COLD; posix_fadvise(2), POSIX_FADV_DONTNEED; Linux, mm/madvise.c and mm/fadvise.c.
"""

import mmap
import os
import sys
from collections.abc import Iterable

MADV_COLD = 20
"""From asm-generic/mman-common.h; since Linux 5.4. Python has no name for it."""
MAX_TOUCHED_BYTES = 1 << 20
"""Maximum size of a file that is mapped as a whole: of a larger one, parts that nobody uses would be read."""


def program_files() -> list[str]:
    """Return the paths of the bytecode of all imported modules, and of all files that are mapped, such as libraries."""
    specs = (getattr(module, "__spec__", None) for module in list(sys.modules.values()))
    bytecode = {spec.cached for spec in specs if spec is not None and spec.cached}
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        fields = [line.rstrip("\n").split(maxsplit=5) for line in file]
    return sorted(bytecode | {path for *_, path in fields if path.startswith("/")})


def end_and_deactivate(paths: Iterable[str]) -> None:
    """Replace this process with one that calls the files inactive, and ends with exit code 0. It does not return."""
    from fgm import mapped_files  # noqa: PLC0415 - that process has no other module of fgm

    mapped_files.deactivate()
    flags = ["-I", "-S", "-B"] if sys.dont_write_bytecode else ["-I", "-S"]
    os.execv(sys.executable, [sys.executable, *flags, os.path.abspath(__file__), *paths])  # noqa: S606 - our own module


def deactivate(path: str) -> None:
    """Call the pages of a file inactive, unless it is large or another process has mapped them. It may read the file.

    If that is not possible, they stay as they are.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size > MAX_TOUCHED_BYTES:
                return
            with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapping:
                for offset in range(0, len(mapping), mmap.PAGESIZE):
                    mapping[offset]  # only what is mapped can be deactivated
                mapping.madvise(MADV_COLD)
    except (OSError, ValueError):  # it was removed, is empty, or the kernel is too old
        pass


def remove(folder_fd: int, names: Iterable[str]) -> None:
    """Remove files of a folder from the cache, unless a process has mapped them. It blocks."""
    for name in names:
        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder_fd)
        except OSError:  # it was removed, or may not be read
            continue
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError:
            pass  # a file system without a page cache
        finally:
            os.close(fd)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        deactivate(argument)
