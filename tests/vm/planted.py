"""The twelve planted incidents: the groups of the machine, what each incident does, and the expected answers.

Memory is in MiB, CPU in millicores; 0 means no limit. The scripts of the machine and the tests import this module.
"""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Literal

NAMESPACE = "shop"
Layout = Literal["containers", "sandbox", "pod"]
"""Cgroup of a pod's processes: those of its containers; that of its sandbox, as with gVisor; its own, as with Kata."""


Metric = Literal["total_cpu_usage_millicores", "memory_working_set"]
CPU: Metric = "total_cpu_usage_millicores"
MEMORY: Metric = "memory_working_set"


@dataclass(frozen=True)
class Container:
    """A container. `work`: arguments of its `script`, after its name; `high`: memory.high.

    `written_memory`: memory.max if the API has no limit: the kubelet writes the limit of the pod there.
    """

    name: str
    work: str
    memory: int = 0
    cpu: int = 0
    high: int = 0
    written_memory: int = 0
    script: str = "work.py"

    @property
    def id(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()


@dataclass(frozen=True)
class Pod:
    """A pod with limits of its own, which the pod's cgroup gets."""

    name: str
    containers: tuple[Container, ...]
    memory: int = 0
    cpu: int = 0
    qos: Literal["burstable", "besteffort"] = "burstable"
    layout: Layout = "containers"

    @property
    def uid(self) -> str:
        return str(uuid.UUID(hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()))

    @property
    def sandbox_id(self) -> str:
        return hashlib.sha256(f"sandbox of {self.name}".encode()).hexdigest()

    @property
    def path(self) -> str:
        return f"/kubepods/{self.qos}/pod{self.uid}"


@dataclass(frozen=True)
class Service:
    """A service of systemd. `limits`: properties of its unit; `work`, `script`: as those of a container."""

    name: str
    work: str
    limits: tuple[str, ...] = ()
    script: str = "work.py"

    @property
    def path(self) -> str:
        return f"/system.slice/{self.name}.service"


@dataclass(frozen=True)
class Incident:
    """An incident and its expected answers.

    `culprit`: name of the container, pod or service that must be first in the ledger and in what changed. `at`: name
    of the container, pod or service that the first event must be about; empty if there is no event. `says`: what the
    text of that event must contain. `until_kill`: name of the pod or service whose processes are killed, which ends it.
    """

    name: str
    culprit: str
    metric: Metric
    event: str = ""
    at: str = ""
    says: tuple[str, ...] = ()
    until_kill: str = ""

    @property
    def work(self) -> str:
        """Name of the work that is in the incident: that of the culprit, or of its first container if it is a pod."""
        pod = next((pod for pod in PODS if pod.name == self.culprit), None)
        return pod.containers[0].name if pod else self.culprit


PODS = (
    Pod("checkout", (Container("checkout-app", "--hold 8 --grow 14"), Container("checkout-proxy", "--hold 48")), 320),
    Pod("catalog", (Container("leaker", "--grow 14 --processes 4"), Container("cache", "--hold 96")), 400),
    Pod(
        "orders",
        (
            Container("orders-app", "--hold 8 --grow 12", written_memory=288),
            Container("orders-agent", "--hold 40", written_memory=288),
        ),
        288,
    ),
    Pod("search", (Container("indexer", "--burn"), Container("frontend", "--steady 40"))),
    Pod("billing", (Container("invoices", "--burn"), Container("mailer", "--steady 20"))),
    Pod("media", (Container("thumbnails", "--hold 16 --grow 16", high=224),)),
    Pod("import", (Container("loader", "--hold 24 --grow 32", memory=64),)),
    Pod("untrusted", (Container("untrusted-app", "--burn"),), layout="sandbox"),
    Pod("isolated", (Container("isolated-app", "--hold 16 --grow 13"),), 272, layout="pod"),
    Pod("report", (Container("report-job", "--hold 16 --grow 12"),), qos="besteffort"),
    Pod("web", (Container("web-app", "--hold 24 --steady 20", memory=96),)),
)
SERVICES = (
    Service("backup", "--hold 8 --burn"),
    Service("importer", "--hold 16 --grow 12", ("MemoryMax=256M", "OOMPolicy=continue")),
)
QUOTAS = {"pod-quota": (("search", 600),), "own-quota": (("billing", 1200), ("invoices", 500))}
"""CPU limits that pods and containers get before an incident, by its name, and lose after it.

Otherwise the host of the machine, which takes CPU time away that the machine counts as used, would let them be
throttled in other incidents, too.
"""
RESIZED_MEMORY = 280
"""New limit of the container `loader`, set in place at the start of its incident."""
KUBEPODS_ROOM = 260
"""Memory that all pods can still allocate at the start of the incident `kubepods-limit`."""

INCIDENTS = (
    Incident(  # a container grows to the limit of its pod; it has none of its own
        "pod-limit",
        "checkout-app",
        MEMORY,
        "oom_kill",
        "checkout-app",
        ("the pod's", "320 MiB", "checkout-proxy"),
        "checkout",
    ),
    Incident(  # the kernel kills the largest process of the pod, but it was another container that grew
        "pod-limit-innocent", "leaker", MEMORY, "oom_kill", "cache", ("the pod's", "400 MiB", "leaker"), "catalog"
    ),
    Incident(  # the kubelet has written the limit of the pod into both of its containers; neither of them reaches it
        "pod-limit-in-containers",
        "orders-app",
        MEMORY,
        "oom_kill",
        "orders-app",
        ("the pod's", "288 MiB", "orders-agent"),
        "orders",
    ),
    # Two containers without a quota share that of their pod, and one of them uses it up.
    Incident("pod-quota", "indexer", CPU, "throttling_began", "search", ("the pod's", "600 millicores")),
    # The pod has a quota, too, but it was that of the container that ran out.
    Incident("own-quota", "invoices", CPU, "throttling_began", "invoices", ("500 millicores",)),
    # A container without memory.max is slowed at memory.high.
    Incident("memory-high", "thumbnails", MEMORY, "memory_high_began", "thumbnails", ("224 MiB",)),
    # A limit is raised in place a few seconds before it is reached, and must not be quoted as it was.
    Incident("resize", "loader", MEMORY, "oom_kill", "loader", ("280 MiB",), "import"),
    # A service of the node uses the CPU.
    Incident("service-cpu", "backup", CPU),
    # A service of the node grows to its own limit. Then systemd removes its cgroup.
    Incident("service-memory", "importer", MEMORY, "oom_kill", "importer", ("256 MiB",), "importer"),
    # All processes of a pod are in the cgroup of its sandbox.
    Incident("sandbox-cpu", "untrusted", CPU),
    # All processes of a pod are in its own cgroup.
    Incident("sandbox-memory", "isolated", MEMORY, "oom_kill", "isolated", ("272 MiB",), "isolated"),
    # A container without a limit grows until all pods together reach that of kubepods.
    Incident("kubepods-limit", "report-job", MEMORY, "oom_kill", "report-job", ("/kubepods's",), "report"),
)
