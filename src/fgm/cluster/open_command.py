"""`fgm open NODE|POD [TIME]`: finds fgm's pod on the node with kubectl, forwards a port to it, and opens the page.

It uses kubectl because kubectl is already configured with the user's clusters, logins and proxies.

At the first connection that the pod refuses, kubectl ends the forward (1.27 to 1.37 do) or lets it stay (1.20 does).
Therefore each attempt to reach the viewer has a forward of its own. After the page was opened, a forward that ends is
started again on the same port, so that the page continues.
"""

import argparse
import http.client
import time
import webbrowser
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from fgm.asking.viewer_client import AskError
from fgm.clock import Clock, SystemClock
from fgm.cluster import running
from fgm.cluster.deployment import NAMESPACE, VIEWER_PORT
from fgm.cluster.fgm_pods import fgm_pods, is_running, phase_of
from fgm.cluster.flags import WAIT_S
from fgm.cluster.kubectl.client import Kubectl, KubectlError
from fgm.cluster.kubectl.messages import reasons_of
from fgm.cluster.kubectl.port_forward import PortForward
from fgm.cluster.open_target import print_notes, target_of
from fgm.termination import stop_on_sigterm

POLL_INTERVAL_S = 0.5
"""Interval between two attempts."""
PROGRESS_INTERVAL_S = 10.0
"""Interval between two messages that the wait continues."""
RESPONSE_TIMEOUT_S = 5.0


class OpenError(AskError):
    """Raised if the page of a node cannot be opened. The message contains the reason and what to do."""


class NotReadyError(OpenError):
    """Raised if the page cannot be opened yet, but may be later."""


class Wait:
    """A wait with a limit, and its messages on the terminal."""

    def __init__(self, limit_s: float, clock: Clock) -> None:
        self._limit_s, self._clock = limit_s, clock
        self.begin()

    def begin(self) -> None:
        """Begin to wait: the time starts from 0, and earlier messages may be printed again."""
        self._began_s = self._reported_s = self._clock.monotonic()
        self._printed: set[str] = set()

    def say(self, message: str) -> None:
        """Print a message, unless it was printed during this wait."""
        if message not in self._printed:
            self._printed.add(message)
            running.say(message)

    def pause(self, error: Exception) -> None:
        """Print why the last attempt has failed, and wait for a short time until the next one.

        Raises: the error if the limit is reached.
        """
        now_s = self._clock.monotonic()
        if now_s + POLL_INTERVAL_S > self._began_s + self._limit_s:
            raise error
        self.say(f"waiting for up to {self._limit_s:g} s: {error}")
        if now_s >= self._reported_s + PROGRESS_INTERVAL_S:
            self._reported_s = now_s
            self.say(f"still waiting after {now_s - self._began_s:.0f} s")
        time.sleep(POLL_INTERVAL_S)


def open_node(arguments: argparse.Namespace) -> int:
    """Show what the arguments of the command line say, until Ctrl-C; return the exit code."""
    stop_on_sigterm()
    try:
        open_page(
            arguments.name,
            arguments.time,
            port=arguments.port,
            namespace=arguments.namespace,
            context=arguments.context,
            opens_browser=not arguments.no_browser,
            wait_s=arguments.wait_seconds,
        )
    except AskError as error:
        running.say(str(error))
        return running.EXIT_FAILED
    except KeyboardInterrupt:
        return 0


def open_page(
    name: str,
    time_text: str = "",
    *,
    port: int = VIEWER_PORT,
    namespace: str = NAMESPACE,
    context: str = "",
    opens_browser: bool = True,
    wait_s: float = WAIT_S,
) -> NoReturn:
    """Open the page of a node, or of a pod's node, and forward its port until Ctrl-C, which raises KeyboardInterrupt.

    `name`: a node, or a pod, also one that is gone. `time_text`: what the page shows; "": the newest data.
    `port`: port on this machine; 0 takes a free one. `context`: context of kubectl; empty for the current one.
    `wait_s`: maximum time to wait for a pod whose viewer responds, at the start and after each interruption.

    Raises: OpenError if there is not exactly one running pod, or if its viewer does not respond.
    Raises: KubectlError if kubectl is missing or fails.
    """
    kubectl, clock, was_open = Kubectl(namespace, context), SystemClock(), False
    target, wait = target_of(kubectl, name, time_text, clock.wall_ns() // 1_000_000), Wait(wait_s, clock)
    print_notes(target)
    node = target.node
    while True:
        try:
            pod = find_pod(fgm_pods(kubectl, node), node, namespace)
            with kubectl.forward(pod, port, VIEWER_PORT) as forward:
                opened = forward.port()
                port = opened or port  # also for later forwards: the page continues only on the same port
                address = f"http://127.0.0.1:{port}/" + (f"#{target.fragment}" if target.fragment else "")
                if opened is None or not _responds(port):
                    raise _failure(forward, pod, has_forwarded=opened is not None)
                wait.begin()
                wait.say(f"node {node}, pod {pod}: open {address}")
                if opens_browser and not was_open:
                    webbrowser.open(address)
                was_open = True
                for message in forward.messages():
                    wait.say(f"kubectl: {message}")
            wait.begin()
            wait.say("kubectl has ended the port-forward; forwarding again")
            time.sleep(POLL_INTERVAL_S)
        except (OpenError, KubectlError) as error:
            if not was_open and not isinstance(error, NotReadyError):
                raise
            wait.pause(error)


def find_pod(pods: Sequence[Mapping[str, Any]], node: str, namespace: str) -> str:
    """Return the name of the running fgm pod of a node. `pods`: all fgm pods of the node, as kubectl prints them.

    Raises: NotReadyError if no pod is running, and OpenError if more than one is.
    """
    names = sorted(pod["metadata"]["name"] for pod in pods if is_running(pod))
    if len(names) == 1:
        return str(names[0])
    if names:
        raise OpenError(
            f"node {node} has several fgm pods in namespace {namespace}, {', '.join(names)}: delete all but one "
            "DaemonSet, or use kubectl port-forward with one of the pods"
        )
    if pods:
        phases = ", ".join(f"{pod['metadata']['name']} is {phase_of(pod)}" for pod in pods)
        raise NotReadyError(
            f"no fgm pod is running on node {node}: {phases}; "
            f"kubectl --namespace {namespace} describe pods shows the reason"
        )
    raise NotReadyError(
        f"node {node} has no fgm pod in namespace {namespace}: apply deploy/daemonset.yaml, or give another namespace "
        "with --namespace"
    )


def _failure(forward: PortForward, pod: str, *, has_forwarded: bool) -> OpenError:
    """End a forward through which the viewer was not reached, and return the error with what kubectl has printed."""
    forward.stop()
    reasons = reasons_of(forward.messages()) or "nothing"
    if not has_forwarded:
        return OpenError(f"kubectl cannot forward a port to pod {pod}; it printed: {reasons}")
    return NotReadyError(f"the viewer of pod {pod} does not respond; kubectl printed: {reasons}")


def _responds(port: int) -> bool:
    """Return whether a viewer responds. Does not use urllib, which would ask a proxy also for this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=RESPONSE_TIMEOUT_S)
    try:
        connection.request("GET", "/api/health")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
