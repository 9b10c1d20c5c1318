"""Processor time of questions for processes and labelled values: `python -m benchmarks.table_questions DIR HOURS …`.

`DIR` is made by `benchmarks.table_history`. For each range, back from the end of the data, it asks for the processes of
a container, for those of the node, and for the bytes that a container wrote.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from fgm.clock import SystemClock
from fgm.metrics.labelled import LABELLED
from fgm.store.directory import layout
from fgm.store.tables.table_file import TableFile
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.files.tables.table_files import TableFiles
from fgm.viewer.query.labelled.labelled_query import LabelledQuery, LabelledQuestion
from fgm.viewer.query.processes.process_query import ProcessQuery, ProcessQuestion, of_container, of_node

COLUMNS = 600
LIMIT = 20


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table_questions", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="directory with tables")
    parser.add_argument("hours", metavar="HOURS", type=float, nargs="+", help="length of a range")
    arguments = parser.parse_args(argv)
    tables = TableFiles(DataFiles(arguments.data_dir, SystemClock()), SkippedFiles())
    newest = tables.between(0, 1 << 45)[-1]
    with TableFile.open(f"{arguments.data_dir}/{newest.path}") as file:
        to_ms, node, container = (
            file.block.last_ms + 1,
            file.block.header.node_name,
            file.of_runs("container_id").values[0],
        )
    for hours in arguments.hours:
        from_ms = to_ms - round(hours * layout.HOUR_MS)
        processes = {"container": of_container(container), "node": of_node}
        questions: dict[str, Callable[[], ProcessQuery | LabelledQuery]] = {
            f"processes of a {name}": lambda choose=choose, from_ms=from_ms: ProcessQuery(  # type: ignore[misc]
                ProcessQuestion(choose, from_ms, to_ms, "cpu", LIMIT, COLUMNS, is_instant=False, node_name=node), tables
            )
            for name, choose in processes.items()
        }
        questions["bytes written by a container"] = lambda from_ms=from_ms: LabelledQuery(  # type: ignore[misc]
            LabelledQuestion(LABELLED["io.stat.wbytes"], [container], from_ms, to_ms, COLUMNS, node), tables
        )
        for name, ask in questions.items():
            print(f"{hours:g} h, {name}: cold {_cpu_ms(ask):.1f} ms, warm {_cpu_ms(ask):.1f} ms", flush=True)
    return 0


def _cpu_ms(ask: Callable[[], ProcessQuery | LabelledQuery]) -> float:
    start = time.process_time()
    query = ask()
    while query.step():
        pass
    query.result()
    return (time.process_time() - start) * 1000


if __name__ == "__main__":
    sys.exit(main())
