"""Events for times in which a container, a pod or another cgroup kept running out of its CPU quota.

A pod's quota is not always the sum of its containers': since Kubernetes 1.34 a pod may have limits of its own, which
hold containers that are not at a limit of theirs. If a container and its pod have the same quota, both count the same
periods; then the container alone is reported.
"""

import numpy as np

from fgm.events.columns import CPU_USAGE, HELD_USEC, QUOTA, THROTTLED, THROTTLED_USEC
from fgm.events.episodes import Episode, Episodes
from fgm.events.groups import LEAVES, short_name
from fgm.events.series_state import TickStep
from fgm.events.wording import count, duration, millicores, plain
from fgm.store.events.event import Event, Value
from fgm.store.samples.series import Series

MAX_NAMED = 2
"""Maximum number of containers that the text about a pod names."""


class Throttling(Episodes):
    """Finds the beginnings and ends of throttling."""

    def __init__(self) -> None:
        super().__init__(THROTTLED, THROTTLED_USEC)

    def _began(self, step: TickStep, position: int, episode: Episode) -> Event:
        assert episode.began_ms is not None
        series = episode.series
        quota = float(step.now[position, QUOTA])
        limit = f" of {millicores(quota)}" if np.isfinite(quota) else ""
        passed = duration(step.time_ms - episode.began_ms)
        within = f" within {passed}" if step.time_ms > episode.began_ms else ""
        whose, held = ("pod's", _held(step, series)) if series.scope == "pod" else ("", "")
        what = f"throttling began: the {whose or 'CPU'} {'CPU ' if whose else ''}limit{limit} ran out in "
        what += f"{count(episode.count, 'period', 'periods')}{within}{held}"
        facts: dict[str, Value] = {"throttled_periods": plain(episode.count)}
        if whose and np.isfinite(quota):
            facts["cpu_limit_millicores"] = plain(round(1000 * quota, 3))
        return Event(episode.began_ms, "throttling_began", series.key, what, {}, facts)

    def _ended(self, episode: Episode, began_ms: int) -> Event:
        passed = duration(episode.last_ms - began_ms)
        what = (
            f"throttling ended after {passed}: {count(episode.count, 'period', 'periods')} throttled, "
            f"{duration(episode.amount / 1000)} of waiting"
        )
        before: dict[str, Value] = {
            "began_ms": began_ms,
            "throttled_periods": plain(episode.count),
            "throttled_usec": plain(episode.amount),
        }
        return Event(episode.last_ms, "throttling_ended", episode.series.key, what, before)


def _held(step: TickStep, pod: Series) -> str:
    """Return the rest of a sentence on a pod's throttling: which containers it held, the most used first."""
    inside = [i for i, each in enumerate(step.series) if each.scope in LEAVES and each.pod_uid == pod.pod_uid]
    usage = {i: float(step.growth(CPU_USAGE)[i]) for i in inside if step.growth(CPU_USAGE)[i] > 0}
    total = sum(usage.values())
    held = step.growth(HELD_USEC)
    named = [i for i in sorted(usage, key=lambda i: -usage[i]) if held[i] != 0][:MAX_NAMED]
    shares = [f"{short_name(step.series[i], pod)} used {usage[i] / total:.0%}" for i in named]
    rest = f", where {' and '.join(shares)} of the CPU time" if shares else ""
    return f"; it held the containers of the pod, not limits of their own{rest}"
