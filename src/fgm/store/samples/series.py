"""Series: the container, sandbox, pod, other cgroup, or node that samples belong to; or what is outside of them.

Files store a series in identity columns. The *key* of a series never changes. Its names may become known late; they
then also apply to samples that were recorded before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Literal, get_args

Scope = Literal["container", "sandbox", "pod", "cgroup", "outside", "node"]
SHORT_ID_LENGTH = 12
"""Number of characters of a short container id, as in Docker. A short id has more if another id starts the same way."""


@dataclass(frozen=True, slots=True)
class Series:
    """Identity columns of one series, in file order. None means unknown or not applicable.

    `key`: the permanent name: a container id (64 hexadecimal digits), `pod:<uid>`, `cgroup:<path>`, or the scope.
    """

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

    key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute the key once: every tick looks up series by their keys."""
        object.__setattr__(self, "key", _key(self))


def _key(series: Series) -> str:
    match series.scope:
        case "container" | "sandbox":
            return series.container_id or f"cgroup:{series.cgroup}"
        case "pod":
            return f"pod:{series.pod_uid}"
        case "cgroup":
            return f"cgroup:{series.cgroup}"
        case "outside" | "node":
            return series.scope


IDENTITY_COLUMNS: tuple[str, ...] = tuple(each.name for each in fields(Series) if each.init)


def workload_of(series: Series) -> tuple[str, str, str] | None:
    """Return the names that successive containers of one workload share; None if they are not known.

    A container of Docker or Podman that is made again, such as by Compose, has another id and the same name.
    """
    if series.scope != "container" or not series.container_name:
        return None
    if series.namespace and series.pod_name:
        return (series.namespace, series.pod_name, series.container_name)
    if series.container_id is None or series.pod_uid is not None or series.runtime is None:
        return None
    return (series.runtime, series.pod_name or "", series.container_name)


def with_known_names(newer: Series, older: Series) -> Series:
    """Return the newer identity of a series, with its missing fields filled in from the older identity.

    If the scope differs, the container name is not filled in: a container that was first classified as a sandbox must
    not keep the name of the sandbox.
    """
    missing = {name: getattr(older, name) for name in IDENTITY_COLUMNS if getattr(newer, name) is None}
    if older.scope != newer.scope:
        missing.pop("container_name", None)
    return replace(newer, **missing) if any(missing.values()) else newer


def order(series: Series) -> tuple[str, str, str, str]:
    """Return the key by which the series of a Parquet file are sorted."""
    return (series.scope, series.pod_uid or "", series.container_id or "", series.cgroup or "")


def to_json(series: Series) -> list[str | None]:
    """Return the identity columns as a list, in file order."""
    return [getattr(series, name) for name in IDENTITY_COLUMNS]


def from_json(values: Sequence[Any]) -> Series:
    """Return the series with these identity columns, as `to_json` returns them. Equal lists share one cached object.

    Raises: ValueError or TypeError if `values` are not the identity columns of a series.
    """
    return _from_names(tuple(values))


@lru_cache(maxsize=1024)  # the same series are in hundreds of files
def _from_names(values: tuple[Any, ...]) -> Series:
    if len(values) != len(IDENTITY_COLUMNS) or values[0] not in get_args(Scope):
        raise ValueError(f"not a series: {values!r}")
    if not all(value is None or isinstance(value, str) for value in values):
        raise ValueError(f"not a series: {values!r}")
    return Series(*values)
