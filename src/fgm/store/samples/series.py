"""What a series is: the identity columns of every file, and the name that people use for it.

A series is one container, sandbox, pod, other cgroup, or the node. Its *key* never changes during its life; its
other fields may become known late, and then hold for everything recorded before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, Literal, get_args

Scope = Literal["container", "sandbox", "pod", "cgroup", "node"]
SHORT_ID_LENGTH = 12
"""Number of characters of a container id that are shown, as in Docker; longer if another id starts in the same way."""


@dataclass(frozen=True, slots=True)
class Series:
    """The identity of one series, as the identity columns in file order. None: unknown or not applicable."""

    scope: Scope
    container_id: str | None = None
    container_name: str | None = None
    pod_name: str | None = None
    namespace: str | None = None
    pod_uid: str | None = None
    qos_class: str | None = None
    runtime: str | None = None
    cgroup: str | None = None
    node_name: str | None = None

    @property
    def key(self) -> str:
        """The full, permanent name: a 64-digit container id, `pod:<uid>`, `cgroup:<path>` or `node`."""
        match self.scope:
            case "container" | "sandbox":
                return self.container_id or f"cgroup:{self.cgroup}"
            case "pod":
                return f"pod:{self.pod_uid}"
            case "cgroup":
                return f"cgroup:{self.cgroup}"
            case "node":
                return "node"


IDENTITY_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Series))


def with_known_names(newer: Series, older: Series) -> Series:
    """Return the newer identity of a series, with the older one's names where the newer has none.

    But what was taken for a sandbox and is a container is not called as a sandbox is, nor the other way round.
    """
    missing = {name: getattr(older, name) for name in IDENTITY_COLUMNS if getattr(newer, name) is None}
    if older.scope != newer.scope:
        missing.pop("container_name", None)
    return replace(newer, **missing) if any(missing.values()) else newer


def order(series: Series) -> tuple[str, str, str, str]:
    """Return the place of a series in a Parquet file, by (scope, pod_uid, container_id, cgroup)."""
    return (series.scope, series.pod_uid or "", series.container_id or "", series.cgroup or "")


def to_json(series: Series) -> list[str | None]:
    """Return the identity as a list in column order."""
    return [getattr(series, name) for name in IDENTITY_COLUMNS]


def from_json(values: Sequence[Any]) -> Series:
    """Read what `to_json` gave, the same object for the same names. Raises ValueError or TypeError on anything else."""
    return _from_names(tuple(values))


@lru_cache(maxsize=1024)  # the same series are in hundreds of files
def _from_names(values: tuple[Any, ...]) -> Series:
    if len(values) != len(IDENTITY_COLUMNS) or values[0] not in get_args(Scope):
        raise ValueError(f"not a series: {values!r}")
    if not all(value is None or isinstance(value, str) for value in values):
        raise ValueError(f"not a series: {values!r}")
    return Series(*values)
