"""Opens packs for a viewer: unpacks them into a private folder, which is removed at the end."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fgm import iso_time
from fgm.clock import Clock
from fgm.viewer.packs.manifest import Manifest
from fgm.viewer.packs.opening.joining import join
from fgm.viewer.packs.opening.saved_findings import SavedFindings, saved_findings
from fgm.viewer.packs.opening.unpacking import unpack
from fgm.viewer.packs.pack_clocks import ClockAhead, ClockAt
from fgm.viewer.packs.pack_format import BadPackError
from fgm.viewer.packs.pack_reader import read_pack
from fgm.viewer.packs.private_folder import private_folder

MIN_AGE_MS = 600_000
"""Minimum time between the end of a pack and the time that the viewer shows, so that no page takes it for live data."""
_PREFIX = "fgm-opened-"
_SAFE = "%!'()*,/:;=&@?~"


@dataclass(frozen=True)
class OpenedPacks:
    """Packs that were unpacked. `data_dir`: a data directory with their data. `manifests`: by name of the file."""

    data_dir: str
    manifests: dict[str, Manifest]
    findings: Sequence[SavedFindings] = ()

    @property
    def view(self) -> str:
        """The fragment of the view that was saved with the first pack, with only characters that a URL may have.

        If it has no fixed range, it gets that of the pack: there is no newest data to follow. Of two packs, it is the
        view of the second, and the first lies under it.
        """
        first, *others = self.manifests.values()
        manifest = others[0] if len(others) == 1 else first
        left_out = ("last=", "vs=") if others else ("last=",)
        parts = [part for part in manifest.view.split("&") if part and not part.startswith(left_out)]
        if not any(part.startswith("from=") for part in parts):
            times = {"from": manifest.from_ms, "to": manifest.to_ms}
            parts = [*(f"{name}={iso_time.format_milliseconds(ms)}" for name, ms in times.items()), *parts]
        if len(others) == 1:
            parts.append(
                f"vs={iso_time.format_milliseconds(first.from_ms + _begin(parts, manifest) - manifest.from_ms)}"
            )
        return quote("&".join(parts), safe=_SAFE)

    @property
    def facts(self) -> list[dict[str, Any]]:
        """What a page says about the packs, as JSON values."""
        return [
            {
                "file": name,
                "made_by": manifest.made_by,
                "made_at_ms": manifest.made_at_ms,
                "from_ms": manifest.from_ms,
                "to_ms": manifest.to_ms,
                "redacted": manifest.redacted,
            }
            for name, manifest in self.manifests.items()
        ]

    @property
    def redacted(self) -> list[str]:
        """The rules by which names in the packs were replaced."""
        return list(dict.fromkeys(rule for manifest in self.manifests.values() for rule in manifest.redacted))

    @property
    def has_derived_events(self) -> bool:
        """Whether events of a pack were derived from samples when it was saved."""
        parts = [manifest.part("events") for manifest in self.manifests.values()]
        return any(part is not None and part.facts.get("derived") is True for part in parts)

    @property
    def to_ms(self) -> int:
        """The end of the last pack, in ms since 1970."""
        return max(manifest.to_ms for manifest in self.manifests.values())

    def clock(self, real: Clock) -> Clock:
        """Return a clock for the viewer. It is after the end of the packs, even if the clock of this machine is not."""
        after_ns = (self.to_ms + MIN_AGE_MS) * 1_000_000
        return ClockAhead(max(0, after_ns - real.wall_ns()), real)

    def clock_of_files(self, real: Clock) -> Clock:
        """Return a clock that stands still at the end of the packs: what was alive then is listed as alive."""
        return ClockAt(self.to_ms, real)


def _begin(parts: Sequence[str], manifest: Manifest) -> int:
    """Return the begin of the range of a view; that of the pack if it is not a time."""
    text = next(part for part in parts if part.startswith("from=")).removeprefix("from=")
    try:
        return iso_time.parse_ms(text)
    except ValueError:
        return manifest.from_ms


@contextmanager
def opened(paths: Sequence[str], *, checks_all: bool = False) -> Iterator[OpenedPacks]:
    """Unpack packs into a private folder, and remove it at the end.

    `checks_all`: whether to compare the checksums of the parts that only a page reads, too.

    Raises: BadPackError if a file is no pack, is damaged or of a newer version, or if two have the same samples. The
    message begins with the path; so does that for a file that cannot be read. OSError if there is no place for it.
    """
    with private_folder(_PREFIX, in_memory=False) as folder:
        unpacked, manifests, findings = list[str](), dict[str, Manifest](), list[SavedFindings]()
        for number, path in enumerate(paths):
            target = os.path.join(folder, f"{number}")
            os.mkdir(target)
            try:
                pack = read_pack(path)
                unpack(pack, target)
                saved = saved_findings(pack)
                if checks_all:
                    pack.check()
            except (BadPackError, OSError) as error:
                raise BadPackError(f"{path}: {_sentence(error)}") from error
            name = os.path.basename(path)
            manifests[name if name not in manifests else path] = pack.manifest
            unpacked.append(target)
            findings += [] if saved is None else [saved]
        ranges = [(manifest.from_ms, manifest.to_ms) for manifest in manifests.values()]
        for number, target in enumerate(unpacked[1:], 1):
            earlier = (min(each[0] for each in ranges[:number]), max(each[1] for each in ranges[:number]))
            try:
                join(unpacked[0], target, earlier, ranges[number])
            except BadPackError as error:
                raise BadPackError(f"{paths[number]}: {error}") from error
        yield OpenedPacks(unpacked[0], manifests, findings)


def _sentence(error: BadPackError | OSError) -> str:
    return f"it cannot be unpacked: {error.strerror}" if isinstance(error, OSError) else str(error)
