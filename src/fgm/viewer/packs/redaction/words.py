"""Words that identify nobody: those of the texts of events, and those that show what the path of a cgroup is."""

_SENTENCE = """
    a above all allowed also an and another around at available be because been before began below by bytes clock code
    container containers count counted cpu cpus current day days disk end ended error event events exit failed file
    for from gap gib group had has held high hour hours in inf is it its itself kib kill killed kills left limit limits
    longer max memory mib millicores min minutes ms network no node nothing of off on one only oom other out own peak
    per periods pod pods process processes queries ran reason recorded request requests resumed restart restarted rose
    seconds seen service services set slowed started stopped suspended swap system than that the this throttled
    throttling time to total unlimited used usage was what which while with without
"""
_PATH = """
    besteffort burstable cgroup conmon container containerd cri cri-containerd crio docker guaranteed init init.scope
    kubelet kubepods kubepods.slice libpod libpod-payload libpod_parent libvirt lxc lxc.payload machine machine.slice
    nerdctl node outside pod podman qemu sandbox scope service slice system system.slice user user.slice
"""

SENTENCE_WORDS = frozenset(_SENTENCE.split())
"""Words of the texts of events. If a container has such a name, it is replaced there only where it must be a name."""
PATH_WORDS = frozenset(_PATH.split())
"""Parts of paths of cgroups that show what a path is, and scopes of series."""
