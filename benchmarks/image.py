"""A copy of a checkout's interpreter, packages and libraries, as the image of a container has them: own files on disk.

The page cache of a file is charged to the cgroup that reads it first. Only a copy shows what that is for a container,
because the files of this machine are in the cache already and belong to other cgroups.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

_LEFT_OUT = ("test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "config-3*", "*.a", "pip", "setuptools")
_RUN = """
mount --rbind "$ROOT" "$ROOT" && cd "$ROOT" && mount --bind "$DATA" data && mount --rbind /proc proc || exit
mount --rbind /dev dev || exit
exec chroot . "$@"
"""
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_MOUNT_POINTS = ("data", "proc", "sys", "dev", "host")


class Image:
    """The copy of what the interpreter `python`, of a virtual environment, needs to run fgm; in `folder`.

    Every file has the path that it has on this machine.
    """

    def __init__(self, python: str, folder: str) -> None:
        self.folder = folder
        self._python = os.path.abspath(python)
        environment, interpreter, fgm = self._prefixes()
        self._copy(environment, *_LEFT_OUT)
        self._copy(interpreter, "site-packages", *_LEFT_OUT)
        self._copy(fgm)
        for name in ("data", "proc", "dev", "tmp"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        for library in sorted(self._libraries()):
            self._copy_file(library)
        os.sync()  # only files without unwritten changes can be removed from the page cache

    def command(self, data_dir: str, *arguments: str) -> list[str]:
        """Return a command that runs the interpreter in the copy, with a data directory at /data."""
        environment = [f"ROOT={self.folder}", f"DATA={data_dir}", f"PATH={os.environ['PATH']}", "PYTHONUNBUFFERED=1"]
        mounts = ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c", _RUN, "sh"]
        return ["env", "-i", *environment, "PYTHONDONTWRITEBYTECODE=1", *mounts, self._python, *arguments]

    def _prefixes(self) -> list[str]:
        """Return the folders of the environment, of the interpreter and of fgm."""
        code = "import fgm, sys, sysconfig; print(sys.prefix, sys.base_prefix, *fgm.__path__, sep='\\n')"
        done = subprocess.run([self._python, "-E", "-c", code], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.splitlines()

    def _copy(self, path: str, *left_out: str) -> None:
        to = os.path.join(self.folder, path.lstrip("/"))
        if not os.path.exists(to):
            shutil.copytree(path, to, symlinks=True, ignore=shutil.ignore_patterns(*left_out))

    def _copy_file(self, path: str) -> None:
        to = os.path.join(self.folder, path.lstrip("/"))
        if not os.path.exists(to):
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copy2(path, to)

    def _libraries(self) -> set[str]:
        """Return the paths of the shared libraries that the copied programs need from elsewhere."""
        programs = [
            path for path in files(self.folder) if path.endswith("/python3.11") or ".so" in os.path.basename(path)
        ]
        done = subprocess.run(["ldd", *programs], check=False, stdout=subprocess.PIPE, text=True)
        return {match for match in _LIBRARY.findall(done.stdout) if not match.startswith(self.folder)}


def evict(folder: str) -> None:
    """Remove all files of an image from the page cache, except those that a process has mapped."""
    for path in files(folder):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


def load(folder: str) -> None:
    """Read all files of an image: this process is charged for the page cache of those that are not in it yet."""
    for path in files(folder):
        with open(path, "rb") as file:
            while file.read(1 << 20):
                pass


def files(folder: str) -> Iterator[str]:
    """Return the paths of all files of an image, without links and without what is mounted there."""
    for root, folders, names in os.walk(folder):
        if root == folder:
            folders[:] = [name for name in folders if name not in _MOUNT_POINTS]
        yield from (path for name in names if not os.path.islink(path := os.path.join(root, name)))
