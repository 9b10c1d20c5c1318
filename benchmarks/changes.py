"""Whether "what changed" names the culprit of planted incidents: first ranks are counted.

    python -m benchmarks.changes [--incidents 34] [--seed 1]

Each incident is planted into a made stretch of 50 containers (see `tests.support.life`), which is written as the
collector does it. Each comparison is of 15 minutes with the 15 before. `cpu_s_median` is the processor time of this
process for one comparison.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.ordinary_life import INCIDENTS, recorded
from tests.support.life import made_windows
from tests.support.life.stretches import VIEW_S

from fgm.clock import SystemClock
from fgm.viewer.api.comparing import answers
from fgm.viewer.api.services import Services
from fgm.viewer.health import Address
from fgm.viewer.query.analysis.analysed_span import span_of
from fgm.viewer.start_up import StartUp


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.changes", description=__doc__)
    parser.add_argument("--incidents", type=int, default=34, help="number of incidents (default: 34, two of each kind)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default: 1)")
    arguments = parser.parse_args(argv)
    first, cpu_s = 0, []
    for number in range(arguments.incidents):
        kind = list(INCIDENTS)[number % len(INCIDENTS)]
        made, truth = recorded(arguments.seed + number, kind, has_before=True)
        if truth is None:
            raise AssertionError("an incident without truth")
        with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
            made_windows.write(made, Path(folder))
            began = time.process_time()
            answer = compare(folder, int(made.time_ms[made.begin]))
            cpu_s.append(time.process_time() - began)
        culprits = {key[:12] for key in truth.keys}
        rank = next((i for i, series in enumerate(answer["series"], 1) if series["id"] in culprits), 0)
        first += rank == 1
        scores = " ".join(f"{series['score']:.1f}" for series in answer["series"][:4])
        metrics = ", ".join(change["metric"] for series in answer["series"][:1] for change in series["changes"])
        sys.stdout.write(
            f"{kind:16} culprit's rank {rank or '-'}   scores {scores}   metrics of the first: {metrics}\n"
        )
    result = {"incidents": arguments.incidents, "first": first, "cpu_s_median": round(float(np.median(cpu_s)), 2)}
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def compare(folder: str, from_ms: int) -> dict[str, Any]:
    """Compare the view with the time before."""
    services = Services(folder, SystemClock(), StartUp(60, 0, 0), Address(0))
    services.scanner.scan()
    while not services.scanner.has_nothing_to_read:
        services.scanner.read_more()
    holdings = services.scanner.holdings()
    query = services.change_query(holdings, span_of(holdings, from_ms, from_ms + VIEW_S * 1000))
    while query.step():
        pass
    return answers.of_changes(query, 10, holdings)


if __name__ == "__main__":
    sys.exit(main())
