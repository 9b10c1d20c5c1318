"""docs/metrics.md, generated from the catalogue: `python -m tests.support.metrics_page > docs/metrics.md`."""

import sys

from fgm.metrics.catalogue import RECORDED
from fgm.metrics.derived import DERIVED

COSTS = {
    "adds up counters of all processors": ("cpu.stat", "io.stat", "memory.stat"),
    "asks all processors": ("cpu.pressure", "io.pressure", "memory.pressure"),
    "walks page tables and holds up the process": ("/proc/<pid>/smaps_rollup",),
    "walks the processes": ("cgroup.procs",),
    "one `stat` per process": ("/proc/<pid>/fd",),
    "one read per process": ("/proc/<pid>/statm",),
    "one read per pod": ("/proc/<pid>/net/dev",),
}
HEAD = """# Metrics

Generated from the catalogue in `src/fgm/metrics`; a test compares this page with it.

Every recorded metric is a column of nullable doubles. A value is **null** if the kernel has no such file or key (a
controller that is off, an older kernel, PSI switched off), if a read failed, and for a limit that is not set; further
reasons stand with the metric. A missing value is never 0. On cgroup v1 the column holds the value with the same
meaning, or null if there is none; in the row of the node it comes from `/proc`. Counters are recorded raw and shown as
rates: null for the first sample of a life, after a gap of more than 2.5 intervals, and if the counter went down.

The kernel updates `memory.stat` after large changes, or every 2 s. For a small container its values move in steps, and
`memory.current` does not.

The cost of a read stands with its file; a file without a remark is a plain counter. Limits are read every 10 s, sums
over processes (`processes.*`, `smaps_rollup.*`) every 30 s at best, everything else at every tick. Expensive files are
read at every second tick while the sweeps of the collector take too long.
"""


def page() -> str:
    """Return the text of the page."""
    cost_of = {file: cost for cost, files in COSTS.items() for file in files}
    lines = [HEAD, "## Recorded"]
    file = None
    for metric in RECORDED:
        source = metric.source.split()[0]
        if source != file:
            file = source
            cost = f" ({cost_of[file]})" if file in cost_of else ""
            lines += [
                "",
                f"### `{file}`{cost}",
                "",
                "| metric | unit | kind | every | meaning |",
                "|---|---|---|---|---|",
            ]
        facts = f"{metric.unit} | {metric.kind} | {metric.interval_s:g} s"
        lines.append(f"| `{metric.name}` | {facts} | **{metric.title}.** {metric.help} |")
    lines += ["", "## Derived", "", "Computed from the recorded ones when they are requested.", ""]
    lines += ["| metric | unit | meaning |", "|---|---|---|"]
    lines += [f"| `{metric.name}` | {metric.unit} | **{metric.title}.** {metric.help} |" for metric in DERIVED]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(page())
