"""The timelines of many_incidents.py: the containers, and what happens to which of them.

Memory is in MiB, CPU in millicores; 0 means no limit. The script of the machine and the tests import this module.
"""

from dataclasses import dataclass
from typing import Literal

from fgm.viewer.findings.finding import Kind

Qos = Literal["guaranteed", "burstable", "besteffort"]


@dataclass(frozen=True)
class Workload:
    """A pod with one container. `high`: memory.high; `swap`: memory.swap.max; `request`: of CPU; 0: the usual one."""

    name: str
    pod: str
    namespace: str
    qos: Qos
    memory: int = 0
    cpu: int = 0
    high: int = 0
    swap: int = 0
    request: int = 0


@dataclass(frozen=True)
class Incident:
    """An incident of one container.

    `kinds`: kinds of a finding that are right. `text`: what the culprit reads in its file while it is in the incident.
    `spans`: seconds in the incident and after it, by turns: more than one if it comes again and again. `victims`:
    names of the containers that suffer from it.
    """

    name: str
    culprit: str
    kinds: tuple[Kind, ...]
    text: str
    spans: tuple[tuple[float, float], ...]
    victims: tuple[str, ...] = ()


WORKLOADS = (
    Workload("payments", "payments-6d8f9c7b5-x2k8q", "shop", "burstable", memory=64, cpu=500),
    Workload("order-service", "order-service-5b7d9f6c8-2ghtk", "shop", "burstable", memory=128),
    Workload("mail-queue", "mail-queue-7f9c5d4b6-wq8zn", "shop", "burstable", high=40),
    Workload("web-frontend", "web-frontend-66b8d5c7f-lk4vd", "edge", "burstable", memory=64),
    Workload("api-gateway", "api-gateway-7c5d8b9f4-m9t2w", "edge", "burstable", memory=64, cpu=300),
    Workload("stream-processor", "stream-processor-0", "data", "burstable", memory=96),
    Workload("report-renderer", "report-renderer-59d6c8b7-pv6sj", "data", "burstable", memory=96),
    Workload("search-indexer", "search-indexer-5f6b7d8c9-q8r4z", "data", "burstable", memory=96),
    Workload("ledger-db", "ledger-db-0", "data", "guaranteed", memory=96, cpu=1000),
    Workload("batch-import", "batch-import-29402140-h4vcl", "data", "burstable", memory=128),
    Workload("catalog-cache", "catalog-cache-6c9f8d7b5-r7m2x", "shop", "burstable", memory=256),
    Workload("ml-training", "ml-training-8k5dq", "research", "burstable", request=400),
    Workload("feature-store", "feature-store-0", "research", "burstable", memory=64, swap=160),
    Workload("thumbnailer", "thumbnailer-7d6f5c9b8-c5xqh", "edge", "burstable", memory=96),
    Workload("config-sync", "config-sync-8b6f5d7c4-tn5xj", "kube-system", "besteffort"),
)
BY_NAME = {workload.name: workload for workload in WORKLOADS}


INCIDENTS = (
    Incident("leak-until-oom-kill", "payments", ("oom_kill",), "leak", ((60, 0),)),
    Incident("cpu-neighbour", "ml-training", ("neighbour",), "cpu", ((40, 0),), ("web-frontend",)),
    Incident("thread-leak", "order-service", ("leak",), "threads", ((40, 0),)),
    Incident("io-neighbour", "batch-import", ("neighbour",), "flood", ((40, 0),), ("ledger-db",)),
    Incident("repeated-stalls", "web-frontend", ("stall",), "stall", ((5, 12), (4, 15), (6, 8), (5, 5))),
    Incident("throttling", "api-gateway", ("throttling",), "throttling", ((40, 0),)),
    Incident("memory-neighbour", "ml-training", ("neighbour",), "memory", ((45, 0),), ("catalog-cache",)),
    Incident("burst", "report-renderer", ("burst",), "burst", ((10, 0),)),
    Incident("restart-loop", "config-sync", ("restarts",), "crash", ((45, 0),)),
    Incident("step", "web-frontend", ("step",), "step", ((50, 0),)),
    Incident("swap-storm", "feature-store", ("paging",), "swap", ((35, 0),)),
    Incident("fault-storm", "thumbnailer", ("paging",), "faults", ((35, 0),)),
    Incident("stall", "stream-processor", ("stall",), "stall", ((8, 0),)),
    Incident("memory-high", "mail-queue", ("limit",), "limit", ((35, 0),)),
    Incident("period", "report-renderer", ("period",), "beat", ((60, 0),)),
    Incident("repeated-bursts", "order-service", ("burst", "period"), "burst", ((6, 14), (5, 19), (8, 12), (6, 0))),
    Incident("slow-leak", "ledger-db", ("leak",), "leak", ((140, 0),)),
)
"""The incidents, in their order."""
NAMED = {incident.name: incident for incident in INCIDENTS}
SHORT = ("stall", "memory-neighbour", "burst", "cpu-neighbour")
"""Names of the incidents that are recorded a second time: they last for seconds, or others suffer from them."""
TIMELINES = {"many_incidents": INCIDENTS, "short_incidents": tuple(NAMED[name] for name in SHORT)}
"""The incidents of each recording."""
ORDINARY_S = {"many_incidents": 260, "short_incidents": 120}
"""Time before the first incident of each recording."""
