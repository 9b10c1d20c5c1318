"""docs/metrics.md, made from the catalogue: `python -m tests.support.metrics_page > docs/metrics.md`."""

import sys

from fgm.metrics.catalogue import RECORDED
from fgm.metrics.derived import DERIVED

COSTS = {
    "adds up counters of all processors": ("cpu.stat", "io.stat", "memory.stat"),
    "asks all processors": ("cpu.pressure", "io.pressure", "memory.pressure"),
    "walks page tables and holds up the process": ("/proc/<pid>/smaps_rollup",),
    "walks the processes": ("cgroup.procs",),
    "one `stat` a process": ("/proc/<pid>/fd",),
    "one read a process": ("/proc/<pid>/statm",),
    "one read a pod": ("/proc/<pid>/net/dev",),
}
HEAD = """# Metrics

Made from the catalogue in `src/fgm/metrics`; a test holds this page against it.

Every recorded metric is a column of nullable doubles. It is **null** where the kernel has no such file or key (a
controller that is off, an older kernel, PSI switched off), where a read failed, and for a limit that is not set; what
else makes it null stands with the metric. It is never 0 for "not there". On cgroup v1 the column holds what means the
same there, else null; in the node's row it comes from `/proc`. Counters are recorded raw and shown as rates: null for
the first sample of a life, after a gap of more than 2.5 intervals, and where the counter went down.

The kernel brings `memory.stat` up to date when much has changed, or every 2 s: there a small container moves in
steps, and `memory.current` does not.

What a read costs, by its file: a plain counter, if nothing else is said. Limits are read every 10 s, what is added up
over processes (`processes.*`, `smaps_rollup.*`) every 30 s at best, all else at every tick;
expensive files at every second one while the collector's sweeps take too long.
"""


def page() -> str:
    """Return the whole page."""
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
    lines += ["", "## Derived", "", "Computed when somebody looks, from the recorded ones.", ""]
    lines += ["| metric | unit | meaning |", "|---|---|---|"]
    lines += [f"| `{metric.name}` | {metric.unit} | **{metric.title}.** {metric.help} |" for metric in DERIVED]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(page())
