"""A finding: what one series did, and when it began."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

Kind = Literal[
    "oom_kill",
    "limit",
    "throttling",
    "leak",
    "paging",
    "step",
    "burst",
    "stall",
    "period",
    "restarts",
    "neighbour",
    "doubtful",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Finding(NamedTuple):
    """What stood out in one series.

    `row`: that of the culprit in the grid. `metric`: the one that shows it best. `from_ms`: when it began; `to_ms`:
    when it ended or was last seen. `statistic`: how unusual it is on the scale of its kind, larger is more unusual.
    `facts`: the numbers for its sentence, with their unit in the name. `others`: rows of victims, or of those that
    share the beat.
    """

    kind: Kind
    row: int
    metric: str
    from_ms: int
    to_ms: int
    statistic: float
    facts: Mapping[str, float | str] = MappingProxyType({})
    others: tuple[int, ...] = ()
