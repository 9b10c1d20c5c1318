"""Amounts of bytes as people and Kubernetes write them: 500000000, 500M, 4Gi, 4GiB."""

import re
from dataclasses import dataclass

_UNITS = {"": 1}
for _power, _letter in enumerate("KMGT", 1):
    _UNITS |= {_letter: 1000**_power, _letter + "i": 1024**_power}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]?i?)B?", re.ASCII)
_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%", re.ASCII)


def size_bytes(text: str) -> int:
    """Read an amount of bytes. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"{text!r} is no amount of bytes")
    return round(float(match[1]) * _UNITS[match[2]])


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """How much of a file system is to stay free: the larger of a share of it and an amount."""

    share: float = 0.0
    size_bytes: int = 0

    def of(self, file_system_bytes: int) -> int:
        """Return it in bytes; an amount never means more than half of a small file system."""
        return max(round(self.share * file_system_bytes), min(self.size_bytes, file_system_bytes // 2))


def free_space(text: str) -> FreeSpace:
    """Read `15%`, `2Gi`, or both with a comma between. Raises ValueError."""
    share, amount = 0.0, 0
    for part in text.split(","):
        match = _SHARE.fullmatch(part.strip())
        if match is None:
            amount = size_bytes(part)
        else:
            share = float(match[1]) / 100
    if share >= 1:
        raise ValueError(f"{text!r} leaves no room at all")
    return FreeSpace(share, amount)
