"""A Kubernetes API server with one resource, pods, on a real socket, which can also misbehave.

It is also a kubelet, whose list is at `/pods`: without a resource version, and with errors as plain text.

As the real one, it sends a watch only events and bookmarks of later versions than the one that the watch began at. So a
watch from a version in the future, as after a restore of etcd, is silent. Tried with Kubernetes 1.36.
"""

import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import anyio
from anyio.abc import AnyByteReceiveStream, AnyByteStream
from anyio.streams.tls import TLSListener

Mood = Literal[
    "good",
    "empty",
    "hanging",
    "garbage",
    "expired",
    "error-event",
    "refusing",
    "pouring",
    "no watch",
    "no list",
]
"""Behaviour of the server. "good": as it should be; "empty": watches end at once; "hanging": no response; "garbage":
malformed JSON; "expired": status 410 for watches; "error-event": an ERROR event in them; "refusing": status 500;
"pouring": endless events, as fast as they are read; "no watch" and "no list": status 403 for that verb."""

GARBAGE = b'{"type":"ADDED","object":\xff\xfe<html>\n'


@dataclass(frozen=True)
class Request:
    """One received request. `at`: by the clock of the test."""

    at: float
    path: str
    query: dict[str, str]
    headers: dict[str, str]

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") == "true"


@dataclass
class ApiServer:
    """The server.

    `token`: the bearer token that requests need, or None if they need none; `body`: a list to send from `/pods`.
    """

    now: Callable[[], float] = lambda: 0.0
    token: str | None = None
    mood: Mood = "good"
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    version: int = 1000
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    body: bytes | None = None
    _watches: dict[AnyByteStream, int] = field(default_factory=dict)
    _changed: anyio.Event = field(default_factory=anyio.Event)

    @contextlib.asynccontextmanager
    async def running(self, context: ssl.SSLContext | None = None) -> AsyncIterator["ApiServer"]:
        listener: Any = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        self.url = f"http{'s' if context else ''}://127.0.0.1:{port}"
        if context is not None:
            listener = TLSListener(listener, context, standard_compatible=False)
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, self._serve)
            yield self
            group.cancel_scope.cancel()

    async def until(self, condition: Callable[["ApiServer"], bool]) -> None:
        """Wait until a request has made the condition true."""
        with anyio.fail_after(5):
            while not condition(self):
                await self._changed.wait()

    async def watched(self, count: int = 1) -> None:
        """Wait until that many watches are open."""
        await self.until(lambda server: len(server._watches) >= count)

    async def put(self, pod: dict[str, Any]) -> None:
        kind = "MODIFIED" if pod["metadata"]["uid"] in self.pods else "ADDED"
        self.keep(pod)
        await self.say(kind, pod)

    def keep(self, pod: dict[str, Any]) -> None:
        self.version += 1
        pod["metadata"]["resourceVersion"] = str(self.version)
        self.pods[pod["metadata"]["uid"]] = pod

    async def delete(self, pod: dict[str, Any]) -> None:
        self.version += 1
        pod["metadata"]["resourceVersion"] = str(self.version)
        del self.pods[pod["metadata"]["uid"]]
        await self.say("DELETED", pod)

    async def bookmark(self) -> None:
        self.version += 7
        await self.say("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": str(self.version)}})

    async def say(self, kind: str, subject: dict[str, Any]) -> None:
        """Send an event on each open stream that began at an earlier version."""
        version = int(subject["metadata"]["resourceVersion"])
        await self.send(json.dumps({"type": kind, "object": subject}).encode() + b"\n", version)

    async def send(self, data: bytes, version: int | None = None) -> None:
        """Send some bytes on each open stream, or on those that began before a version."""
        for stream in [stream for stream, began in self._watches.items() if version is None or began < version]:
            await stream.send(b"%x\r\n%s\r\n" % (len(data), data))

    async def cut(self) -> None:
        """Close all open streams without the end of their response."""
        watches, self._watches = self._watches, {}
        for stream in watches:
            await stream.aclose()

    async def _serve(self, stream: AnyByteStream) -> None:
        with contextlib.suppress(anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError):
            async with stream:
                request = self._read(await _head(stream))
                self.requests.append(request)
                await self._answer(request, stream)

    async def _pour(self, stream: AnyByteStream) -> None:
        pods = list(self.pods.values())
        for pod in pods:
            self.version += 1
            pod["metadata"] |= {"resourceVersion": str(self.version), "name": f"pod-{self.version}"}
        data = b"".join(json.dumps({"type": "MODIFIED", "object": pod}).encode() + b"\n" for pod in pods)
        await stream.send(b"%x\r\n%s\r\n" % (len(data), data))

    def _read(self, head: str) -> Request:
        first, *lines = head.split("\r\n")
        url = urlsplit(first.split(" ")[1])
        headers = dict(line.split(": ", 1) for line in lines if line)
        return Request(self.now(), url.path, {k: v[0] for k, v in parse_qs(url.query).items()}, headers)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _answer(self, request: Request, stream: AnyByteStream) -> None:
        if self.mood == "hanging":
            self._notify()
            await anyio.sleep_forever()
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            await self._status(stream, 401, "Unauthorized")
        elif request.path == "/pods":
            await self._answer_as_kubelet(stream)
        elif self.mood == ("no watch" if request.is_watch else "no list"):
            verb = "watch" if request.is_watch else "list"
            await self._status(stream, 403, f'pods is forbidden: cannot {verb} resource "pods"')
        elif self.mood == "refusing":
            await self._status(stream, 500, "etcdserver: leader changed")
        elif self.mood == "garbage" and not request.is_watch:
            await _send(stream, 200, b'{"kind":"PodList","items":[{"metadata":' + GARBAGE)
        elif not request.is_watch:
            await _send(stream, 200, json.dumps(self._list()).encode())
        elif self.mood == "expired":
            await self._status(stream, 410, "too old resource version")
        else:
            await self._stream(stream, int(request.query.get("resourceVersion", "0")))

    async def _answer_as_kubelet(self, stream: AnyByteStream) -> None:
        if self.mood == "good":
            await _send(stream, 200, self.body or json.dumps(self._list() | {"metadata": {}}).encode())
        else:
            user = "system:serviceaccount:fine-grained-monitor:fine-grained-monitor"
            message = f"Forbidden (user={user}, verb=get, resource=nodes, subresource(s)=[pods proxy])"
            await _send(stream, 403, message.encode())
        self._notify()

    def _list(self) -> dict[str, Any]:
        return {
            "kind": "PodList",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": str(self.version)},
            "items": list(self.pods.values()),
        }

    async def _status(self, stream: AnyByteStream, code: int, message: str) -> None:
        await _send(stream, code, json.dumps({"kind": "Status", "code": code, "message": message}).encode())
        self._notify()

    async def _stream(self, stream: AnyByteStream, version: int) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        expired = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "metadata": {}}}
        first = {"garbage": GARBAGE, "error-event": json.dumps(expired).encode() + b"\n"}.get(self.mood, b"")
        if first:
            await stream.send(b"%x\r\n%s\r\n" % (len(first), first))
        while self.mood == "pouring":
            await self._pour(stream)
        if self.mood != "good":
            await stream.send(b"0\r\n\r\n")
            self._notify()
            return
        self._watches[stream] = version
        self._notify()
        try:
            await stream.receive()  # the client sends nothing more, so this returns when it closes
        finally:
            self._watches.pop(stream, None)
            self._notify()


async def _head(stream: AnyByteReceiveStream) -> str:
    head = b""
    while b"\r\n\r\n" not in head:
        head += await stream.receive()
    return head.decode().removesuffix("\r\n\r\n")


async def _send(stream: AnyByteStream, code: int, body: bytes) -> None:
    head = f"HTTP/1.1 {code} {HTTPStatus(code).phrase}\r\nContent-Type: application/json\r\n"
    await stream.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
