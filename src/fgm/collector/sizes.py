"""Amounts of bytes as Kubernetes writes them: 500000000, 500M, 4Gi (and 4GiB)."""

import re
from dataclasses import dataclass

from fgm.settings_parser import Kind, in_range

MAX_DIGITS = 100
"""Maximum length of a number. From about 300 digits on, a float would be infinite."""
_UNITS = {"": 1}
for _power, _letter in enumerate("KMGT", 1):
    _UNITS |= {_letter: 1000**_power, _letter + "i": 1024**_power}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]?i?)B?", re.ASCII)
_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%", re.ASCII)


def size_bytes(text: str) -> int:
    """Return the number of bytes that a text means.

    Raises: ValueError if the text is not an amount of bytes.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS or len(match[1]) > MAX_DIGITS:
        raise ValueError(f"{text!r} is not an amount of bytes")
    return round(float(match[1]) * _UNITS[match[2]])


def size_text(size: int) -> str:
    """Return an amount of bytes in the largest binary unit that needs no fraction. `size_bytes` parses the result."""
    for letter in "TGMK":
        count, rest = divmod(size, _UNITS[letter + "i"])
        if count and not rest:
            return f"{count}{letter}i"
    return str(size)


def size(least: int, most: int) -> Kind:
    """Return the kind of a setting that is an amount of bytes."""
    limits = f"{size_text(least)} to {size_text(most)}"
    return Kind(
        in_range(size_bytes, least, most),
        f"a number of bytes, or an amount such as 500M or 4Gi, from {limits}",
        summary=f"such as 500M or 4Gi; {limits}",
        metavar="SIZE",
        show=size_text,
    )


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """Space to keep free in a file system: a share of it or an amount, whichever is larger."""

    share: float = 0.0
    size_bytes: int = 0

    def of(self, file_system_bytes: int) -> int:
        """Return the space to keep free, in bytes. On a small file system, the amount is reduced to half of it."""
        return max(round(self.share * file_system_bytes), min(self.size_bytes, file_system_bytes // 2))

    def __str__(self) -> str:
        parts = [f"{self.share * 100:g}%"] if self.share else []
        return ",".join([*parts, size_text(self.size_bytes)] if self.size_bytes or not parts else parts)


def free_space(text: str) -> FreeSpace:
    """Parse a text such as `15%`, `2Gi` or `15%,2Gi`.

    Raises: ValueError if the text is something else, or if the share is 100 % or more.
    """
    share, amount = 0.0, 0
    for part in text.split(","):
        match = _SHARE.fullmatch(part.strip())
        if match is None:
            amount = size_bytes(part)
        else:
            share = float(match[1]) / 100
    if share >= 1:
        raise ValueError(f"{text!r} leaves no room for data")
    return FreeSpace(share, amount)


FREE_SPACE = Kind(
    free_space,
    "a share below 100%, an amount, or both, such as 15%,2Gi",
    summary="a share, an amount, or both",
    metavar="SPACE",
)
