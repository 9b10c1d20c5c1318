"""What asking a whole cluster takes: `python -m benchmarks.cluster [--nodes 50] [--rounds 3]`.

Real viewers of made history listen on this machine, and an API server forwards ports to them for a real kubectl. Three
of the viewers hang, nothing listens in one pod, and one has the data of the day before. One more is within the limits
of the viewer's container, which needs root and cgroup v1. With `--kube-apiserver` and `--etcd`, the API server is
real, and only the kubelet is not. Each command is run and checked: the culprit is first, what does not answer is
named, and no process is left. The viewers share the processors of this machine; those of a cluster have their own.
"""

import argparse
import json
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import limits
from benchmarks.cluster_nodes import CULPRIT, OLD, Viewers, failing, name_of, running
from tests.support.cluster import Cluster
from tests.support.real_cluster import ADMIN, LIMITED, RealCluster

MINUTE_MS, WINDOW_MS, HOUR_MS = 60_000, 90_000, 3_600_000
WITHIN_S = 300.0
ROWS_AT_ONCE = 4
"""Number of rows that the page asks for at the same time."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--nodes", type=int, default=50, help="number of nodes (default: 50)")
    parser.add_argument("--rounds", type=int, default=3, help="number of minutes to ask about (default: 3)")
    parser.add_argument("--kube-apiserver", type=Path, metavar="PATH", help="run this real API server; needs --etcd")
    parser.add_argument("--etcd", type=Path, metavar="PATH", help="the etcd of the real API server")
    arguments = parser.parse_args(argv)
    if (arguments.kube_apiserver is None) != (arguments.etcd is None):
        parser.error("--kube-apiserver and --etcd go together")
    end_ms = (time.time_ns() // 1_000_000 // WINDOW_MS - 1) * WINDOW_MS
    seconds: dict[str, list[float]] = {"fgm ask": [], "fgm nodes": []}
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder, ExitStack() as stack:
        box = stack.enter_context(limits.limited(limits.VIEWER))
        if arguments.etcd is None:
            cluster = Cluster(Path(folder))
        else:
            cluster = RealCluster(Path(folder), arguments.kube_apiserver.resolve(), arguments.etcd.resolve())
        stack.callback(cluster.close)
        viewers = stack.enter_context(running(cluster, Path(folder), arguments.nodes, end_ms, box))
        before_s, own_before_s = viewers.cpu_s(), _own_cpu_s()
        for number in range(arguments.rounds):
            # another minute each time, because viewers keep answers
            at_ms = viewers.began_ms // MINUTE_MS * MINUTE_MS + number * MINUTE_MS
            seconds["fgm ask"].append(ask(cluster, at_ms, arguments.nodes))
        cpu_s, own_cpu_s = (
            (after_s - began_s) / arguments.rounds / arguments.nodes
            for after_s, began_s in ((viewers.cpu_s(), before_s), (_own_cpu_s(), own_before_s))
        )
        seconds["fgm nodes"].append(list_nodes(cluster, arguments.nodes))
        seconds["fgm open, of a pod that the API does not have"] = [open_pod(cluster, viewers)]
        strips_s, minute_s = page(cluster, viewers, arguments.nodes, end_ms)
        seconds["fgm cluster: the strips of an hour, of all nodes"] = [strips_s]
        seconds["fgm cluster: a minute"] = [minute_s]
        if isinstance(cluster, RealCluster):
            seconds |= with_few_rights(cluster, viewers, arguments.nodes)
        memory, highest = box.memory_mib().anonymous, box.highest_bytes() / (1 << 20)
        failures, kills = box.failures(), box.kills()
    print(f"| {arguments.nodes} nodes | median | highest |\n|---|---|---|")
    for name, values in seconds.items():
        print(f"| {name}, s | {statistics.median(values):.1f} | {max(values):.1f} |")
    print(f"| CPU time of a viewer for a minute, s | {cpu_s:.2f} | |")
    print(f"| CPU time of fgm ask and kubectl for a node, s | {own_cpu_s:.2f} | |")
    print(f"| in the box: anonymous memory, charged at most, MiB | {memory:.0f} | {highest:.0f} |")
    print(f"| in the box: limit reached, OOM kills | {failures} | {kills} |")
    return 0


def ask(cluster: Cluster, at_ms: int, count: int) -> float:
    """Ask about a minute, and check the answer; return how long it took."""
    answer, took_s = timed(cluster, "ask", f"{at_ms // 1000 + 30}", "--json")
    facts = json.loads(answer)
    check(facts["findings"][0]["node"] == name_of(CULPRIT), facts["findings"][:2])
    check([failure["source"] for failure in facts["failures"]] == [f"node/{name}" for name in failing(count)], facts)
    old = [source["missing"] for source in facts["sources"] if source["source"] == f"node/{name_of(OLD)}"]
    check(count <= OLD or old[0][0].startswith("its data ends before that minute"), old)
    return took_s


def list_nodes(cluster: Cluster, count: int) -> float:
    answer, took_s = timed(cluster, "nodes", "--json")
    facts = json.loads(answer)
    missing = sorted(each["node"] for each in facts if each["health"] is None and each["node"])
    check(missing == failing(count), facts)
    # a user who may not list the nodes is told so in an entry without a node
    check(any(not each["node"] for each in facts) == (cluster.context == LIMITED), facts)
    return took_s


def with_few_rights(cluster: RealCluster, viewers: Viewers, count: int) -> dict[str, list[float]]:
    """Ask all as a user with the rights that docs/cluster.md names, and check it; return how long each took."""
    cluster.context = LIMITED
    at_ms = viewers.began_ms // MINUTE_MS * MINUTE_MS
    took_s = {
        "fgm ask, of a user with few rights": [ask(cluster, at_ms, count)],
        "fgm nodes, of that user": [list_nodes(cluster, count)],
        "fgm open of a pod, of that user": [open_pod(cluster, viewers)],
    }
    cluster.context = ADMIN
    return took_s


def open_pod(cluster: Cluster, viewers: Viewers) -> float:
    """Open the page of the culprit's pod at the time of the incident; return how long it took until it was there."""
    began = time.monotonic()
    arguments = ("open", "--no-browser", "--port=0", viewers.pod, str(viewers.began_ms // 1000))
    with cluster.start(*arguments) as process:
        for line in process.stderr or ():
            if " open http://" in line:
                break
        took_s = time.monotonic() - began
        check(f"node {name_of(CULPRIT)}, " in line and "#show=" in line, line)
        end(cluster, process)
    return took_s


def page(cluster: Cluster, viewers: Viewers, count: int, end_ms: int) -> tuple[float, float]:
    """Ask what the page of the cluster asks; return how long all strips took, and how long a minute."""
    with cluster.start("cluster", "--no-browser", "--port=0") as process:
        match = re.search(r"http://\S+/", process.stderr.readline() if process.stderr else "")
        check(match is not None, match)
        address = match[0] if match else ""
        names = json.loads(got(f"{address}api/nodes"))["nodes"]
        began = time.monotonic()
        with ThreadPoolExecutor(ROWS_AT_ONCE) as pool:
            span = f"from={end_ms - HOUR_MS}&to={end_ms}&columns=240"
            answers = list(pool.map(lambda name: got(f"{address}api/strips?node={name}&{span}"), names))
        strips_s = time.monotonic() - began
        check(sum(not answer for answer in answers) == len(failing(count)), [len(answer) for answer in answers])
        began = time.monotonic()
        at_ms = viewers.began_ms // 1000 * 1000 + 90_000
        last = json.loads(got(f"{address}api/minute?at={at_ms}").splitlines()[-1])
        minute_s = time.monotonic() - began
        check(last["findings"][0]["node"] == name_of(CULPRIT), last["findings"][:2])
        end(cluster, process)
    return strips_s, minute_s


def timed(cluster: Cluster, *arguments: str) -> tuple[str, float]:
    """Run a command to its end; return what it printed, and how long it took. No process of it may be left."""
    began = time.monotonic()
    code, out, err = cluster.run(*arguments, within_s=WITHIN_S)
    took_s = time.monotonic() - began
    check(code == 0, err)
    check(not forwards(cluster), forwards(cluster))
    return out, took_s


def _own_cpu_s() -> float:
    """Return the CPU time of the commands that have ended, and of what they have started."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def end(cluster: Cluster, process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGINT)
    check(process.wait(WITHIN_S) == 0, process.returncode)
    check(not forwards(cluster), forwards(cluster))


def forwards(cluster: Cluster) -> list[int]:
    """Return the pids of all kubectl that forward ports to pods of this cluster."""
    configuration = f"KUBECONFIG={cluster.environment['KUBECONFIG']}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words, variables = ((folder / name).read_bytes().split(b"\0") for name in ("cmdline", "environ"))
        except OSError:  # it has ended
            continue
        if {b"port-forward", b"proxy"} & set(words) and configuration in variables:
            found.append(int(folder.name))
    return found


def got(url: str) -> bytes:
    """Return the body of an answer; b"" if the node does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=WITHIN_S) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        error.close()
        return b""


def check(condition: bool, facts: Any) -> None:
    """Raise an error with some facts if a condition does not hold."""
    if not condition:
        raise AssertionError(facts)


if __name__ == "__main__":
    sys.exit(main())
