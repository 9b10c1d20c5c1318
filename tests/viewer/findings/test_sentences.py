"""Each kind has a sentence with names, numbers with units, and the time."""

import pytest

from fgm.viewer.findings.finding import KINDS, Finding, Kind
from fgm.viewer.findings.sentences import sentence_of

AT_MS = 1_764_511_330_000  # 14:02:10 UTC
MIB = float(1 << 20)


def sentence(kind: Kind, metric: str, facts: dict[str, float | str], others: tuple[str, ...] = ()) -> str:
    rows = tuple(range(1, 1 + len(others)))
    return sentence_of(Finding(kind, 0, metric, AT_MS, AT_MS + 40_000, 0.0, facts, rows), "payments", others)


@pytest.mark.parametrize(
    ("kind", "metric", "facts", "others", "text"),
    [
        (
            "leak",
            "memory.stat.anon",
            {
                "grown_bytes": 40 * MIB,
                "slope_bytes_per_s": 2.1 * MIB,
                "limit_bytes": 64 * MIB,
                "limit_of": "its own",
                "reaches_limit_in_s_low": 9.0,
                "reaches_limit_in_s": 10.0,
                "reaches_limit_in_s_high": 12.0,
            },
            (),
            (
                "payments keeps taking anonymous memory: 40 MiB more from 14:02:10 on, 2.1 MiB per s; it reaches "
                "its limit of 64 MiB in 9 to 12 s."
            ),
        ),
        (
            "leak",
            "pids.current",
            {"grown_threads": 120.0, "slope_threads_per_s": 0.2},
            (),
            "payments keeps taking threads: 120 threads more from 14:02:10 on, 12 per min.",
        ),
        (
            "leak",
            "memory.stat.anon",
            {"grown_bytes": 40 * MIB, "slope_bytes_per_s": MIB, "given_back_bytes": 39 * MIB, "limit_bytes": 64 * MIB},
            (),
            (
                "payments kept taking anonymous memory: 40 MiB more from 14:02:10 on, 1 MiB per s; it gave 39 MiB back "
                "at 14:02:50."
            ),
        ),
        (
            "leak",
            "processes.fd_count",
            {"grown_fds": 90.0, "slope_fds_per_s": 3.0, "ended": "exit"},
            (),
            "payments kept taking open files until it ended at 14:02:50: 90 open files more from 14:02:10 on, 3 per s.",
        ),
        (
            "oom_kill",
            "memory.current",
            {
                "kills": 1.0,
                "killed_ms": AT_MS + 20_000.0,
                "limit_bytes": 64 * MIB,
                "limit_of": "its own",
                "rise_bytes": 30 * MIB,
                "rise_bytes_per_s": 1.5 * MIB,
                "victims": 0.0,
            },
            (),
            (
                "payments was OOM-killed at 14:02:30: it grew by 30 MiB from 14:02:10 on, 1.5 MiB per s, until it"
                " reached its limit of 64 MiB."
            ),
        ),
        (
            "throttling",
            "throttle_ratio",
            {
                "throttled_percent": 62.0,
                "mean_use_percent_of_quota": 45.0,
                "quota_millicores": 300.0,
                "seconds": 80.0,
                "lost_ms_per_s": 700.0,
            },
            (),
            (
                "payments was throttled in 62 % of its periods for 80 s from 14:02:10 on, although it used only "
                "45 % of its limit of 300 millicores; 700 ms/s lost."
            ),
        ),
        (
            "neighbour",
            "io_bytes_per_s",
            {"resource": "io", "rise": 90 * MIB, "victim_waited_percent": 40.0},
            ("ledger-db",),
            (
                "ledger-db waited for I/O 40 % of the time while payments used 90 MiB/s more than usual from "
                "14:02:10 on: evidence that it is the cause, not proof."
            ),
        ),
        (
            "stall",
            "total_cpu_usage_millicores",
            {"count": 3.0, "longest_s": 5.0, "usual": 400.0, "lowest": 0.0, "spacing_s": 60.0},
            (),
            (
                "payments stalled 3 times from 14:02:10 on, about every 60 s, for up to 5 s: CPU fell to 0 "
                "millicores; usually 400 millicores."
            ),
        ),
        (
            "step",
            "total_cpu_usage_millicores",
            {"before": 200.0, "after": 830.4},
            (),
            "payments: CPU rose from 200 millicores to 830 millicores at 14:02:10 and stayed there.",
        ),
        (
            "period",
            "total_cpu_usage_millicores",
            {"period_s": 30.2, "base": 20.0, "peak": 900.0, "length_s": 3.0},
            ("a", "b"),
            (
                "payments beats every 30 s from 14:02:10 on: CPU goes from 20 millicores to 900 millicores for 3 "
                "s; a and b have the same beat."
            ),
        ),
        (
            "oom_kill",
            "memory.current",
            {"counted_by": "node", "killed": 1.0, "process": "report"},
            (),
            "A process (report) was OOM-killed on payments at 14:02:10; no container or service was seen to count it.",
        ),
        (
            "oom_kill",
            "memory.current",
            {"counted_by": "node", "killed": 3.0},
            (),
            (
                "3 processes were OOM-killed on payments, the first at 14:02:10; no container or service was seen to "
                "count it."
            ),
        ),
        (
            "limit",
            "pids.current",
            {"limit": "pids.max", "limit_of": "a group's", "times_at_limit": 12.0},
            (),
            "payments was at a group's limit of threads from 14:02:10 on: starting one failed 12 times.",
        ),
        (
            "burst",
            "io_write_bytes_per_s",
            {"peak": 9 * MIB, "length_s": 7.0, "usual_high": 0.0},
            (),
            "payments: writing burst up to 9 MiB/s for 7 s at 14:02:10; usually at most 0 B/s.",
        ),
        (
            "restarts",
            "total_cpu_usage_millicores",
            {"restarts": 5.0, "lived_s": 3.0, "last_reason": "Error", "exit_code": 1.0},
            (),
            (
                "payments restarts again and again: 5 times from 14:02:10 on, lives 3 s each time; the last exit:"
                " Error, exit code 1."
            ),
        ),
    ],
)
def test_a_sentence_says_what_was_measured(
    kind: Kind, metric: str, facts: dict[str, float | str], others: tuple[str, ...], text: str
) -> None:
    assert sentence(kind, metric, facts, others) == text


@pytest.mark.parametrize("kind", KINDS)
def test_a_finding_without_facts_has_a_sentence_too(kind: Kind) -> None:
    for others in ((), ("a", "b", "c", "d", "e")):
        text = sentence(kind, "memory.current", {}, others)
        assert "payments" in text
        assert text.endswith(".")
        assert "nan" not in text
