"""`fgm ask TIME`: says what happened in a minute, over all nodes of the cluster, or in other sources."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

import anyio
from tqdm import tqdm

from fgm.asking import sources
from fgm.asking.health import ask_health
from fgm.asking.limits import AT_ONCE, TIMEOUT_S
from fgm.asking.many import ask_each
from fgm.asking.minute import MinuteQuestion, NodeAnswer, ask_minute
from fgm.asking.ranking import Ranking, rank
from fgm.asking.sources import Source, held
from fgm.asking.terminal_lines import columns_of
from fgm.asking.typed_times import TypedTime, read_time
from fgm.asking.viewer_client import AskError, ViewerClient
from fgm.asking.words import NODE, Link, as_json, listed, report
from fgm.clock import SystemClock
from fgm.cluster import running
from fgm.cluster.deployment import NAMESPACE, open_command
from fgm.cluster.fgm_pods import NodePod, by_node, fgm_pods, no_pods, nodes_of_workload
from fgm.cluster.forward import Forwards
from fgm.cluster.kubectl.client import Kubectl, KubectlError
from fgm.cluster.pod_search import POD, found_pods, other_nodes, parts_of

CLUSTER = "cluster"


def ask(arguments: argparse.Namespace) -> int:
    """Print what happened; return the exit code: 1 if no source answered."""
    return running.run(lambda: _ask(arguments))


async def _ask(arguments: argparse.Namespace) -> int:
    async with AsyncExitStack() as stack:
        names = arguments.sources or [CLUSTER]
        now_ms = SystemClock().wall_ns() // 1_000_000
        time = read_time(arguments.time, now_ms)
        asked = await chosen_sources(names, stack, arguments.context, arguments.fgm_namespace, time)
        if arguments.deployment:
            asked = await _of_deployment(asked, arguments)
        if len(asked) == 1 and not is_of_cluster(names[0]):
            time = read_time(arguments.time, min(now_ms, await _newest_ms(asked[0], arguments.timeout)))
        namespace, pod = arguments.namespace, arguments.pod
        if names[0].startswith(POD) and len(names) == 1:
            in_namespace, name = parts_of(names[0])
            namespace, pod = namespace or in_namespace, pod or name
        question = make_question(time, namespace, pod)
        ranking = await ask_all(asked, question, at_once=arguments.at_once, timeout_s=arguments.timeout)
    link = link_of(arguments.context, arguments.fgm_namespace)
    if arguments.json:
        sys.stdout.write(json.dumps(as_json(ranking, link), indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in report(ranking, link, columns=columns_of(sys.stdout)))
    return 0 if ranking.answers else running.EXIT_FAILED


async def _of_deployment(asked: Sequence[Source], arguments: argparse.Namespace) -> list[Source]:
    """Return those of the sources that are nodes with pods of the deployment that the command line names.

    Raises: AskError if there is none.
    """
    kubectl = Kubectl(arguments.fgm_namespace, arguments.context)
    find = partial(nodes_of_workload, kubectl, arguments.deployment, arguments.namespace)
    try:
        nodes = await anyio.to_thread.run_sync(find)
    except KubectlError as error:
        hint = "" if arguments.namespace else "; with --namespace, pods are listed in that namespace alone"
        raise AskError(f"{error}{hint}") from error
    chosen = [source for source in asked if source.name.removeprefix(NODE) in nodes]
    if not chosen:
        whose = f"{arguments.namespace}/{arguments.deployment}" if arguments.namespace else arguments.deployment
        raise AskError(
            f"no node with an fgm pod has pods of {whose!r} now: give the name of a Deployment or StatefulSet"
        )
    return chosen


def make_question(time: TypedTime, namespace: str = "", pod: str = "") -> MinuteQuestion:
    """Return the question for a time and a filter."""
    return MinuteQuestion(time.from_ms, time.to_ms, time.at_ms, namespace, pod)


def is_of_cluster(name: str) -> bool:
    """Return whether a name is one of a node, of the node of a pod, or of all nodes."""
    return name == CLUSTER or name.startswith((NODE, POD))


async def chosen_sources(
    names: Sequence[str],
    stack: AsyncExitStack,
    context: str = "",
    fgm_namespace: str = NAMESPACE,
    time: TypedTime | None = None,
) -> list[Source]:
    """Return the sources that the command line names. `stack`: closes those that stay open.

    `time`: when a pod was on the node that is chosen for it; None: now, or at its end.

    Raises: AskError if a name is none of a source, or if the cluster has no fgm pods.
    """
    chosen: list[Source] = []
    forwards: Forwards | None = None
    pods: list[NodePod] | None = None
    for name in names:
        if is_of_cluster(name):
            if forwards is None:
                forwards = await stack.enter_async_context(Forwards(Kubectl(fgm_namespace, context)))
            if pods is None:
                pods = by_node(await anyio.to_thread.run_sync(fgm_pods, forwards.kubectl))
            node = await _node_of_pod(forwards, name, time) if name.startswith(POD) else name
            chosen += [forwards.source_of(pod) for pod in _named(pods, node, fgm_namespace)]
        else:
            chosen.append(await stack.enter_async_context(held(name)))
    return chosen


async def _node_of_pod(forwards: Forwards, name: str, time: TypedTime | None) -> str:
    """Return the node of a pod, as the name of a source. If others have such pods, too, a message names them.

    Raises: AskError if no node has the pod, or if there is no name.
    """
    namespace, pod = parts_of(name)
    found, failures = await found_pods(forwards, pod, namespace, time)
    if not found:
        silent = listed([failure.source.removeprefix(NODE) for failure in failures])
        rest = f"; no answer from {silent}" if silent else ""
        raise AskError(f"neither the cluster nor the data of its nodes has a pod {name.removeprefix(POD)!r}{rest}")
    source = found[0].source
    if others := other_nodes(found, time):
        chosen = source.removeprefix(NODE)
        running.say(f"pods with {pod!r} in their names are also on {listed(others)}; only {chosen} is asked")
    return source


def _named(pods: Sequence[NodePod], name: str, namespace: str) -> list[NodePod]:
    if not pods:
        raise no_pods(namespace)
    if name == CLUSTER:
        return list(pods)
    named = [pod for pod in pods if pod.node == name.removeprefix(NODE)]
    if not named:
        raise AskError(f"no node {name.removeprefix(NODE)!r} has an fgm pod: fgm nodes lists the nodes")
    return named


async def _newest_ms(source: Source, timeout_s: float) -> int:
    """Return the newest sample of a source: a time of day is the last one before it.

    Raises: AskError if the source does not answer, or has no samples.
    """
    async with source.open() as client:
        newest_ms = (await ask_health(client, timeout_s=timeout_s)).newest_ms
    if newest_ms is None:
        raise AskError(f"{source.name} has no samples")
    return newest_ms


async def ask_all(
    asked: Sequence[Source],
    question: MinuteQuestion,
    *,
    at_once: int = AT_ONCE,
    timeout_s: float = TIMEOUT_S,
) -> Ranking:
    """Return what all sources have about a minute. On a terminal, a bar shows how many have answered."""

    async def ask_one(client: ViewerClient, name: str) -> NodeAnswer:
        return await ask_minute(client, name, question, timeout_s=timeout_s)

    with tqdm(total=len(asked), unit="source", leave=False, delay=0.5, disable=None) as bar:
        answers, failures = await ask_each(asked, ask_one, at_once=at_once, timeout_s=timeout_s, on_done=bar.update)
    return rank(question, answers, failures)


def link_of(context: str = "", fgm_namespace: str = NAMESPACE) -> Link:
    """Return what makes the command, or the URL, that opens the page of an answer at its time."""

    def link(answer: NodeAnswer) -> str:
        if sources.is_address(answer.source):
            return f"{answer.source.rstrip('/')}/#{answer.fragment}"
        if answer.source.startswith(NODE):
            at = answer.fragment.rpartition("at=")[2]
            return f"{open_command(answer.source.removeprefix(NODE), context, fgm_namespace)} {at}"
        page = f"http://127.0.0.1:8050/#{answer.fragment}"
        return f"fgm-viewer --no-browser {shlex.quote(answer.source)}   then open {page}"

    return link
