"""The containers, services and pods of a made node: their names, when they live, and what they want."""

import uuid
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fgm.store.events.event import Event
from fgm.store.samples.series import Series
from tests.support.life.kinds import KINDS, web
from tests.support.life.wants import MIB, WANTS, Array, Draw, Wants

CONTAINERS = 50
NAMES = (
    *("cart", "payments", "search", "catalog", "checkout", "orders", "users", "emails", "images", "reviews", "prices"),
    *("stock", "offers", "auth", "gateway", "feed", "chat", "maps", "billing", "reports", "metrics", "audit", "export"),
    *("import", "ledger", "quotes", "routes", "alerts", "forms", "media", "tags", "themes", "wallet", "fraud", "risk"),
    *("tax", "ship", "track", "label", "pack", "scan", "sort", "index", "crawl", "rank", "cache", "queue", "relay"),
    *("vault", "proxy", "probe", "sync", "spool", "batch", "cron", "agent"),
)
SERVICES = ("kubelet", "containerd", "systemd-journald", "sshd")
MINUTE = 60


@dataclass(slots=True)
class Node:
    """What is on a made node, and what it wants. Plants change it; `physics` computes what comes of it.

    `end`: tick after the last one of each leaf; `first`: its first one. `quota` in cores, `memory_max` and
    `memory_high` in bytes; NaN: none. `weight`: share of the processors where all want more than there is.

    Shape: wants and limits are float64[leaves, ticks], `weight` float64[leaves].
    """

    draw: Draw
    leaves: list[Series]
    kinds: list[str]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    wants: Wants
    quota: Array
    memory_max: Array
    memory_high: Array
    weight: Array
    events: list[Event] = field(default_factory=list)

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Return which leaf lives at which tick."""
        at = np.arange(self.draw.ticks)
        return (at >= self.first[:, None]) & (at < self.end[:, None])

    def add(self, series: Series, kind: str, first: int, end: int, like: int) -> int:
        """Add a leaf that wants what another one wants from its own start on; return its row."""
        row = len(self.leaves)
        self.leaves.append(series)
        self.kinds.append(kind)
        self.first, self.end = np.r_[self.first, first], np.r_[self.end, end]
        self.wants = {name: np.vstack([values, values[like]]) for name, values in self.wants.items()}
        self.quota, self.memory_max = (np.vstack([m, m[like]]) for m in (self.quota, self.memory_max))
        self.memory_high = np.vstack([self.memory_high, self.memory_high[like]])
        self.weight = np.r_[self.weight, self.weight[like]]
        return row

    def time_ms(self, tick: int) -> int:
        """Return the time of a tick."""
        return int(self.draw.second[tick]) * 1000


def made_node(draw: Draw) -> Node:
    """Return a node with ordinary life."""
    numbers = draw.numbers
    leaves: list[Series] = []
    kinds: list[str] = []
    wants: list[Wants] = []
    names = [str(name) for name in numbers.permutation(NAMES)]
    order = [kind for kind, (_, count) in KINDS.items() for _ in range(count)]
    numbers.shuffle(order)
    for number, kind in enumerate(order):
        name = names[number]
        sidecar_of = leaves[-1] if number % 5 == 4 else None
        pod = sidecar_of or _pod(draw, name, f"team-{number % 6}")
        leaves.append(_container(draw, pod, name if sidecar_of is None else f"{name}-sidecar"))
        kinds.append(kind)
        wants.append(KINDS[kind][0](draw))
    spans = [(0, draw.ticks)] * len(leaves)
    for series, kind, want, span in _jobs(draw):
        leaves.append(series)
        kinds.append(kind)
        wants.append(want)
        spans.append(span)
    for name in SERVICES:
        leaves.append(Series("cgroup", cgroup=f"/system.slice/{name}.service", node_name="node-1"))
        kinds.append("service")
        wants.append(web(draw))
        wants[-1]["cores"] *= 0.15
        spans.append((0, draw.ticks))
    leaves.append(Series("outside", node_name="node-1"))
    kinds.append("outside")
    wants.append({"cores": 0.05 * draw.noise(0.4), "anon": np.full(draw.ticks, 300 * MIB)})
    spans.append((0, draw.ticks))
    every = {name: np.full((len(leaves), draw.ticks), default) for name, default in WANTS.items()}
    for row, want in enumerate(wants):
        for name, values in want.items():
            every[name][row] = np.maximum(0.0, values)
    first, end = np.array(spans, np.int64).T
    weight = np.exp(numbers.uniform(np.log(0.1), 0, len(leaves)))
    none = np.full((len(leaves), draw.ticks), np.nan)
    node = Node(draw, leaves, kinds, first, end, every, none, none.copy(), none.copy(), weight)
    for row, (begin, last) in enumerate(spans):
        if begin > 0:
            node.events.append(Event(node.time_ms(begin), "start", leaves[row].key, "started"))
        if last < draw.ticks:
            node.events.append(Event(node.time_ms(last), "exit", leaves[row].key, "ended"))
    _limit(node)
    return node


def _limit(node: Node) -> None:
    """Give half of the containers a CPU quota, and two thirds a memory limit that fits what they want."""
    numbers = node.draw.numbers
    for row, kind in enumerate(node.kinds):
        cores, anon = node.wants["cores"][row], node.wants["anon"][row]
        mean = float(cores.mean())
        if kind == "inference":
            node.quota[row] = round(mean * numbers.uniform(1.25, 1.6), 1)
        elif kind not in ("service", "outside", "batch") and numbers.random() < 0.5:
            node.quota[row] = max(0.1, round(float(np.quantile(cores, 0.999)) * numbers.uniform(1.2, 3), 1))
        if kind not in ("service", "outside") and numbers.random() < 0.65:
            file = node.wants["active_file"][row] + node.wants["inactive_file"][row]
            most = float(anon.max() * 1.1 + numbers.uniform(0.3, 1.6) * file.max()) + 24 * MIB
            node.memory_max[row] = np.ceil(most * numbers.uniform(1, 2.5) / (16 * MIB)) * 16 * MIB


def _jobs(draw: Draw) -> list[tuple[Series, str, Wants, tuple[int, int]]]:
    """Return what starts and exits: the pods of a job that runs every five minutes; some more or one less replica."""
    numbers, found = draw.numbers, []
    pulse = draw.between(0.2, 0.9)
    for number, start in enumerate(range(-int(draw.second[0]) % (5 * MINUTE) + 2, draw.ticks, 5 * MINUTE)):
        end = min(draw.ticks, start + int(draw.between(20, 90)))
        at = np.clip(np.arange(draw.ticks) - start, 0, 100)
        want = {
            "cores": pulse * draw.noise(0.2) * (1 + (at < 2)),
            "anon": 20 * MIB + 1.2 * MIB * np.minimum(at, 40),
            "read": 2 * MIB * (at < 6) * draw.noise(0.5),
            "minor_faults": 2000.0 * (at < 5) + 200,
        }
        pod = _pod(draw, f"cleanup-{29_451_870 + 5 * number}", "jobs")
        found.append((_container(draw, pod, "cleanup"), "job", want, (start, end)))
    for begins in (True, False):
        if numbers.random() < 0.3:
            tick = int(numbers.integers(60, draw.ticks - 60))
            want = web(draw)
            if begins:  # it needs more while it starts
                at = np.arange(draw.ticks) - tick
                want["cores"] += draw.between(0.3, 1.5) * np.exp(-np.maximum(at, 0) / draw.between(3, 15)) * (at >= 0)
                want["anon"] *= 1 - 0.7 * np.exp(-np.maximum(at, 0) / draw.between(3, 30))
            span = (tick, draw.ticks) if begins else (0, tick)
            found.append((_container(draw, _pod(draw, "replica", "team-0"), "replica"), "replica", want, span))
    return found


def _pod(draw: Draw, name: str, namespace: str) -> Series:
    pod_uid = str(uuid.UUID(bytes=draw.numbers.bytes(16)))
    return Series(
        "pod",
        pod_name=f"{name}-{draw.numbers.bytes(3).hex()}",
        namespace=namespace,
        pod_uid=pod_uid,
        qos_class="Burstable",
        cgroup=f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod_uid.replace('-', '_')}.slice",
        node_name="node-1",
    )


def _container(draw: Draw, pod: Series, name: str) -> Series:
    """Return a container of a pod, or of the pod of another container."""
    container_id = draw.numbers.bytes(32).hex()
    folder = pod.cgroup if pod.scope == "pod" else (pod.cgroup or "").rpartition("/")[0]
    return replace(
        pod,
        scope="container",
        container_id=container_id,
        container_name=name,
        runtime="containerd",
        cgroup=f"{folder}/cri-containerd-{container_id}.scope",
    )


def successor(draw: Draw, container: Series) -> Series:
    """Return the container that replaces another one in its pod."""
    return _container(draw, container, str(container.container_name))


def pod_of(container: Series) -> Series:
    """Return the pod of a container."""
    folder = (container.cgroup or "").rpartition("/")[0]
    return replace(container, scope="pod", container_id=None, container_name=None, runtime=None, cgroup=folder)
