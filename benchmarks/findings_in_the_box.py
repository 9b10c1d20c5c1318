"""What findings cost within the limits of the viewer's container: `python -m benchmarks.findings_in_the_box DIR`.

DIR is a recording of two hours or more. Measured are the time of findings for 15 minutes and for an hour, of *what
changed* in an hour, and of that hour against the one before it, with nothing else to do; the time of the page's own
questions with and without findings next to them, in turn; and the memory. It needs root and cgroup v1.
"""

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlencode

from benchmarks import limits
from benchmarks.page_load import METRICS, TOP
from benchmarks.viewer import Requests, Viewer
from tests.support.processes import free_port

QUARTER_MS, HOUR_MS = 900_000, 3_600_000
EXPLANATIONS = "cpu_limit_millicores,throttle_ratio,memory_limit_bytes,psi_cpu_some_ratio,psi_memory_some_ratio"
SETTLE_S = 6.0
QUESTIONS = 5
"""Number of questions of the page."""
PAUSE_S = 0.5
"""Time between two questions of the page: a reader looks at the answer."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.findings_in_the_box", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="recording to look at")
    parser.add_argument(
        "--python", default=sys.executable, help="Python interpreter that runs the viewer (default: this one)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default: 5)")
    arguments = parser.parse_args(argv)
    requests = Requests(arguments.data_dir)
    viewer = Viewer(arguments.python, arguments.data_dir, free_port())
    alone: dict[str, list[float]] = {
        "findings for 15 minutes": [],
        "findings for an hour": [],
        "what changed in an hour": [],
        "an hour against the one before": [],
    }
    page: dict[str, list[float]] = {"without": [], "with": []}
    with limits.limited(limits.VIEWER) as box, viewer.running(box):
        viewer.wait("/api/metrics")
        time.sleep(SETTLE_S)
        page_questions(viewer, requests)
        for number in range(arguments.rounds):
            targets = (
                findings(requests, QUARTER_MS, number),
                findings(requests, HOUR_MS, number),
                changes(requests, number, is_against=False),
                changes(requests, number, is_against=True),
            )
            for values, target in zip(alone.values(), targets, strict=True):
                values.append(ask(viewer, target))
            page["without"] += page_questions(viewer, requests)
            with_findings = Background(viewer, requests, number)
            page["with"] += page_questions(viewer, requests)
            with_findings.end()
        memory = box.memory_mib()
        highest, failures, kills = box.highest_bytes() / (1 << 20), box.failures(), box.kills()
    print("| within 100 millicores and 128 MiB | median | highest |\n|---|---|---|")
    for name, values in alone.items():
        print(f"| {name}, s | {statistics.median(values):.2f} | {max(values):.2f} |")
    for name, values in page.items():
        print(f"| a question of the page {name} findings, s | {statistics.median(values):.3f} | {max(values):.2f} |")
    ratios = [with_them / without for without, with_them in zip(*(medians(page[name]) for name in page), strict=True)]
    print(f"| with / without, medians of each question | {statistics.median(ratios):.2f} | {max(ratios):.2f} |")
    print(f"| anonymous memory at the end, charged at most, MiB | {memory.anonymous:.0f} | {highest:.0f} |")
    print(f"| limit reached, OOM kills | {failures} | {kills} |")
    return 0


class Background:
    """Asks for findings in a thread until `end` is called, for another range each time."""

    def __init__(self, viewer: Viewer, requests: Requests, number: int) -> None:
        self._is_over = threading.Event()
        self._viewer, self._requests, self._number = viewer, requests, number
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        time.sleep(PAUSE_S)

    def end(self) -> None:
        """Wait for the last answer."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        shift = 100 * (self._number + 1)
        while not self._is_over.is_set():
            ask(self._viewer, findings(self._requests, HOUR_MS, shift))
            shift += 1


def findings(requests: Requests, length_ms: int, shift: int) -> str:
    """Return the target of a request. `shift`: number of seconds by which the range is earlier."""
    to_ms = requests.end_ms - 1000 * shift
    return "/api/findings?" + urlencode({"from": to_ms - length_ms, "to": to_ms})


def changes(requests: Requests, shift: int, *, is_against: bool) -> str:
    """Return the target of a request for what changed in an hour. `is_against`: compared with the hour before it."""
    to_ms = requests.end_ms - 1000 * shift
    against = {"against": to_ms - 2 * HOUR_MS} if is_against else {}
    return "/api/changes?" + urlencode({"from": to_ms - HOUR_MS, "to": to_ms, **against})


def page_questions(viewer: Viewer, requests: Requests) -> list[float]:
    """Ask what the page asks when it shows 15 minutes; return the seconds of each answer."""
    span = {"from": requests.end_ms - QUARTER_MS, "to": requests.end_ms}
    targets = [
        requests.timeseries(QUARTER_MS, TOP, METRICS),
        requests.timeseries(QUARTER_MS, TOP, EXPLANATIONS),
        f"/api/events?{urlencode(span)}",
        f"/api/top?{urlencode({'metric': 'total_cpu_usage_millicores', **span, 'parts': 40})}",
        requests.timeseries(60_000, TOP, METRICS),
    ]
    spent = []
    for target in targets:
        spent.append(ask(viewer, target))
        time.sleep(PAUSE_S)
    return spent


def medians(values: Sequence[float]) -> list[float]:
    """Return the median time of each of the questions, which were asked in rounds."""
    return [statistics.median(values[number::QUESTIONS]) for number in range(QUESTIONS)]


def ask(viewer: Viewer, target: str) -> float:
    """Return the seconds until a response was complete."""
    status, seconds, _ = viewer.get(target)
    if status != 200:
        raise SystemExit(f"the viewer responded with {status} to {target}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
