"""`fgm nodes`: prints on which nodes fgm runs, what data each has, and its problems."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from tqdm import tqdm

from fgm import iso_time
from fgm.asking.terminal_lines import columns_of, fitted
from fgm.asking.words import printable, with_names
from fgm.cluster import running
from fgm.cluster.fgm_pods import no_pods
from fgm.cluster.kubectl.client import Kubectl
from fgm.cluster.node_facts import NodeFacts, facts_of_nodes, length

HEADS = ("NODE", "POD", "VERSION", "DATA FROM", "NEWEST", "AGE")


def nodes(arguments: argparse.Namespace) -> int:
    """Print the nodes; return the exit code: 1 if none answered."""
    return running.run(lambda: _nodes(arguments))


async def _nodes(arguments: argparse.Namespace) -> int:
    kubectl = Kubectl(arguments.fgm_namespace, arguments.context)
    with tqdm(unit=" nodes", leave=False, delay=0.5, disable=None) as bar:
        facts = await facts_of_nodes(
            kubectl, at_once=arguments.at_once, timeout_s=arguments.timeout, on_done=bar.update
        )
    if not any(each.pod for each in facts):
        raise no_pods(arguments.fgm_namespace)
    if arguments.json:
        sys.stdout.write(json.dumps([asdict(each) for each in facts], indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in table(facts, columns_of(sys.stdout)))
    return 0 if any(each.health for each in facts) else running.EXIT_FAILED


def table(facts: Sequence[NodeFacts], columns: int | None = None) -> Iterator[str]:
    """Yield the lines of the table, and then each problem with the nodes that have it.

    `columns`: how many a line of a problem may have; None means any number.
    """
    rows = [HEADS, *(_cells(each) for each in facts if each.pod)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield printable("  ".join(padded).rstrip())
    nodes_with: dict[str, list[str]] = {}
    for each in facts:
        for problem in each.problems:
            nodes_with.setdefault(problem, []).append(each.node)
    if nodes_with:
        yield ""
        yield "Problems"
    for line in with_names(nodes_with):
        yield from fitted(line, columns)


def _cells(facts: NodeFacts) -> tuple[str, ...]:
    health = facts.health
    if health is None:
        return facts.node, facts.pod, "", "", "", ""
    begin, newest = (
        "" if at_ms is None else iso_time.format_seconds(at_ms) for at_ms in (health.oldest_ms, health.newest_ms)
    )
    age = "" if health.newest_ms is None else length(max(0, health.now_ms - health.newest_ms))
    return facts.node, facts.pod, health.version, begin, newest, age
