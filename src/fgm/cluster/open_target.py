"""What `fgm open` opens: a node, or the node that a pod is or was on, and the view of its page."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import anyio
from tqdm import tqdm

from fgm import iso_time
from fgm.asking.minute import AROUND_MS
from fgm.asking.ranking import Failure
from fgm.asking.typed_times import TypedTime, read_time
from fgm.asking.viewer_client import AskError
from fgm.asking.words import NODE
from fgm.cluster import running
from fgm.cluster.fgm_pods import fgm_pods
from fgm.cluster.forward import Forwards
from fgm.cluster.kubectl.client import Kubectl, KubectlError
from fgm.cluster.pod_search import POD, PodOnNode, found_pods, parts_of

MAX_NAMES = 10
"""Maximum number of names in a message."""


@dataclass(frozen=True, slots=True)
class OpenTarget:
    """The node whose page is opened, and the fragment of its URL. `notes`: what the user should know."""

    node: str
    fragment: str = ""
    notes: tuple[str, ...] = ()


def target_of(kubectl: Kubectl, text: str, time_text: str, now_ms: int) -> OpenTarget:
    """Return what a text names: `NODE`, `POD`, `NAMESPACE/POD`, `node/NODE` or `pod/POD`. A node goes before a pod.

    Raises: AskError if there is no name, or no such node or pod. Raises: KubectlError if kubectl fails.
    """
    time = read_time(time_text, now_ms) if time_text else None
    if not text.removeprefix(NODE):
        raise AskError(f"{text!r} has no name: give that of a node or a pod")
    if text.startswith(NODE):
        return OpenTarget(text.removeprefix(NODE), _view(time, ()))
    nodes, unlisted = None, []
    if not text.startswith(POD) and "/" not in text:
        if fgm_pods(kubectl, text):
            return OpenTarget(text, _view(time, ()))
        try:
            nodes = sorted(str(item["metadata"]["name"]) for item in kubectl.get_anywhere("nodes"))
        except KubectlError as error:
            unlisted = [f"it may be a node without fgm: {error}"]
        if nodes and text in nodes:
            return OpenTarget(text, _view(time, ()))
    namespace, name = parts_of(text)
    found, failures = anyio.run(_found, kubectl, name, namespace, time)
    notes = [f"no answer from {failure.source}: {failure.reason}" for failure in failures]
    if not found:
        raise AskError("; ".join([_unknown(name, namespace, nodes), *unlisted, *notes]))
    return _of_pod(found, time, notes)


async def _found(
    kubectl: Kubectl, name: str, namespace: str, time: TypedTime | None
) -> tuple[list[PodOnNode], list[Failure]]:
    with tqdm(unit=" nodes", leave=False, delay=0.5, disable=None) as bar:
        async with Forwards(kubectl) as forwards:
            return await found_pods(forwards, name, namespace, time, on_done=bar.update)


def _of_pod(found: Sequence[PodOnNode], time: TypedTime | None, notes: Sequence[str]) -> OpenTarget:
    best, others = found[0], [pod for pod in found[1:] if pod.source != found[0].source or pod.pod != found[0].pod]
    said = list(notes)
    if time is not None and best.ids and not best.is_at(time):
        lived = f"{iso_time.format_seconds(best.first_ms)} to {iso_time.format_seconds(best.last_ms)}"
        said.append(f"pod {best.name} was not there at that time, but from {lived}")
    if others:
        listed = ", ".join(f"{pod.name} on {pod.source.removeprefix(NODE)}" for pod in others[:MAX_NAMES])
        more = f" and {len(others) - MAX_NAMES} more" if len(others) > MAX_NAMES else ""
        said.append(f"opening {best.name}; others with this name: {listed}{more}")
    if time is None and not best.is_alive:
        said.append(f"pod {best.name} is gone; the page shows its last minutes")
        end = TypedTime(max(0, best.last_ms - 60_000), best.last_ms, best.last_ms, has_seconds=True)
        return OpenTarget(best.source.removeprefix(NODE), _view(end, best.ids), tuple(said))
    return OpenTarget(best.source.removeprefix(NODE), _view(time, best.ids), tuple(said))


def _view(time: TypedTime | None, ids: Sequence[str]) -> str:
    """Return the fragment of the URL for a time and for chosen series."""
    parts = [f"show={','.join(quote(each, safe='') for each in ids)}"] if ids else []
    if time is not None:
        begin, end, at = (
            iso_time.format_seconds(max(0, ms)) for ms in (time.from_ms - AROUND_MS, time.to_ms + AROUND_MS, time.at_ms)
        )
        parts += [f"from={begin}", f"to={end}", f"at={at}"]
    return "&".join(parts)


def _unknown(name: str, namespace: str, nodes: Sequence[str] | None) -> str:
    """Return the error for a name of neither a node nor a pod. `nodes`: the cluster's; None: it cannot be a node."""
    whose = f"{namespace}/{name}" if namespace else name
    if nodes is None:
        return f"neither the cluster nor the data of its nodes has a pod {whose!r}"
    rest = f" and {len(nodes) - MAX_NAMES} more" if len(nodes) > MAX_NAMES else ""
    listed = f"its nodes are {', '.join(nodes[:MAX_NAMES])}{rest}" if nodes else "it has no nodes"
    return f"the cluster has no node {whose!r}, and neither it nor the data of its nodes has such a pod: {listed}"


def print_notes(target: OpenTarget) -> None:
    """Print what the user should know about a target."""
    for note in target.notes:
        running.say(note)
