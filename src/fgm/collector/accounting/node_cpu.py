"""CPU time of the node, computed from the time in which its processors were idle.

The kernel measures the idle time of a processor, and the CPU time of a cgroup. But it estimates the busy times of
/proc/stat, and with them cpu.stat of the root cgroup: at each timer tick it adds the length of a tick to what just
runs. On a node with little work, whose tasks run for less than a tick, the estimate was 20 % too low for minutes
(Linux 6.18), so that the containers together used more than the node.

Source: kernel/sched/cputime.c (account_process_tick), kernel/time/tick-sched.c (get_cpu_idle_time_us).
"""

from collections.abc import Sequence

from fgm.parse.procfs import CpuTimes, cpu_times, proc_stat

_TOLERANCE_USEC = 20_000
"""Maximum error of a difference for each processor: /proc/stat has steps of 10 ms."""


class NodeCpu:
    """Parser of /proc/stat that also keeps the idle time. Used by one thread at a time.

    User and system time stay those of the kernel, which are estimates.
    """

    names: tuple[str, ...] = ()
    unknown: frozenset[bytes] = frozenset()

    def __init__(self, ticks_per_second: int) -> None:
        self._ticks_per_second = ticks_per_second
        self._newest: CpuTimes | None = None
        self._last: tuple[float, CpuTimes] | None = None
        self._total_usec = 0.0
        self._usage_usec = 0.0

    def parse(self, text: bytes) -> Sequence[float]:
        """Return usage, user and system time, as the kernel estimates them.

        Raises: ParseError as `proc_stat`.
        """
        self._newest = None
        values = proc_stat(text, self._ticks_per_second)
        self._newest = cpu_times(text, self._ticks_per_second)
        if not self.names:
            self.names = tuple(values)
        return list(values.values())

    def form(self, names: tuple[str, ...]) -> None:
        """Return None: the file is parsed alone."""

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> None:
        """Return None: the file is parsed alone."""

    def usage_usec(self, read_at_s: float) -> float | None:
        """Return the CPU time used since the machine started, as of the text that was parsed last; None without one.

        It never decreases. It continues with the kernel's estimate if processors came or went, or if the clock does
        not fit. `read_at_s`: monotonic time at which that text was read, which is near 0 when the machine starts.
        """
        newest, self._newest = self._newest, None
        if newest is None:
            return None
        last, self._last = self._last, (read_at_s, newest)
        if last is None:
            capacity_usec = read_at_s * 1e6 * newest.cpus
            usage_usec = capacity_usec - newest.away_usec
            self._total_usec = usage_usec if 0 <= usage_usec <= capacity_usec else newest.busy_usec
        else:
            self._total_usec += _growth_usec(*last, read_at_s, newest)
        self._usage_usec = max(self._usage_usec, self._total_usec)
        return self._usage_usec


def _growth_usec(last_s: float, last: CpuTimes, now_s: float, now: CpuTimes) -> float:
    capacity_usec = (now_s - last_s) * 1e6 * now.cpus
    growth_usec = capacity_usec - (now.away_usec - last.away_usec)
    tolerance_usec = _TOLERANCE_USEC * now.cpus
    is_plausible = -tolerance_usec <= growth_usec <= capacity_usec + tolerance_usec
    if is_plausible and now.cpus == last.cpus:
        return growth_usec
    return max(0.0, now.busy_usec - last.busy_usec)
