"""Kernel files that are read together, now and then, and whose values with the same metric are added up."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from fgm.collector.kernel.handles import FileHandle, Handle
from fgm.collector.kernel.kernel_file import GONE, NOT_SUPPORTED, KernelFile, Parser, PlainParser
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.parse.errors import ParseError

Parse = Callable[[bytes], Mapping[str, float]]
"""Pure function that parses a file: its text -> {metric: value}."""


class FileGroup:
    """Files of one series that exist, each opened for each read. Used by one thread at a time."""

    def __init__(
        self, files: Iterable[tuple[str, Parse | Parser]], counts: ReadCounts, folder: Handle | None = None
    ) -> None:
        """`files`: path of each file, and its parser. Those that do not exist are left out.

        `folder`: handle of the folder of all files, which is closed with them; None if each has a handle of its own.
        """
        self._counts = counts
        self._files = list(_open(files, counts, folder))
        self._values: dict[KernelFile, dict[str, float]] = {}
        self._sums: Mapping[str, float] = {}

    @property
    def paths(self) -> Iterator[str]:
        """Path of each file."""
        return (file.path for file in self._files)

    def read(self) -> Mapping[str, float]:
        """Read all files; return the values by metric. A metric of a file that cannot be read is left out."""
        has_changed, failed = False, set[str]()
        for file in tuple(self._files):
            try:
                text = file.read()
                if text == file.text:
                    continue
                values = file.parse(text)
            except (OSError, ParseError) as error:
                failed.update(file.names)
                self._note(file, error)
                values = ()
            self._values[file] = dict(zip(file.names, values, strict=False))
            has_changed = True
        if has_changed:
            sums: dict[str, float] = {}
            for of_file in self._values.values():
                for name, value in of_file.items():
                    sums[name] = sums.get(name, 0.0) + value
            self._sums = {name: value for name, value in sums.items() if name not in failed}
        return self._sums

    def close(self) -> None:
        """Close all handles."""
        for file in self._files:
            if file.handle is not None:
                file.handle.close()

    def _note(self, file: KernelFile, error: OSError | ParseError) -> None:
        """Count a failed read, unless its cgroup was removed or the kernel has the feature switched off."""
        file.text = None
        if isinstance(error, OSError) and error.errno in GONE:
            return
        if isinstance(error, OSError) and error.errno in NOT_SUPPORTED:
            self._counts.note_switched_off(file.name, file.path, error.strerror)
            self._files.remove(file)
            self._values.pop(file, None)
            if isinstance(file.handle, FileHandle):
                file.handle.close()
            return
        self._counts.count_failure(file.name, file.path, error)


def _open(
    files: Iterable[tuple[str, Parse | Parser]], counts: ReadCounts, folder: Handle | None
) -> Iterator[KernelFile]:
    for path, parser in files:
        try:
            handle = FileHandle(path) if folder is None else folder
            yield KernelFile(path, PlainParser(parser) if callable(parser) else parser, handle)
        except OSError as error:
            if error.errno not in GONE:
                counts.count_failure(path.rpartition("/")[2], path, error)
