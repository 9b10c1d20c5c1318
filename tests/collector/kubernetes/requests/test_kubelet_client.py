"""The client of the kubelet: its list as Kubernetes 1.36 sends it, and whom the token is sent to."""

import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio import to_thread

from fgm.collector.kubernetes.pod import Pod, Termination
from fgm.collector.kubernetes.requests.address import Address
from fgm.collector.kubernetes.requests.errors import ApiError
from fgm.collector.kubernetes.requests.kubelet_client import KubeletClient
from tests.support.collector.api_server import ApiServer
from tests.support.collector.certificates import own_certificate
from tests.support.collector.pods import NODE, pod_json, running

CAPTURED = Path(__file__).parents[3] / "data" / "kubelet" / "pods.json"


@contextlib.asynccontextmanager
async def kubelet(folder: Path, *names: str) -> AsyncIterator[ApiServer]:
    """Run a kubelet with a certificate for these names; `token` is the only token that it accepts."""
    path = await to_thread.run_sync(own_certificate, folder, *names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    await to_thread.run_sync(context.load_cert_chain, path)
    async with ApiServer(token="token").running(context) as server:
        server.keep(pod_json("cart", 1, running("app", 7)))
        yield server


async def pods_of(server: ApiServer, token_file: Path, authority: Path) -> list[Pod]:
    await to_thread.run_sync(token_file.write_text, "token")
    address = Address(server.url, str(token_file), str(authority), (NODE, "127.0.0.1"))
    return await to_thread.run_sync(KubeletClient(address, NODE, time.monotonic).list_pods)


async def test_the_list_of_a_real_kubelet_is_read() -> None:
    body = await to_thread.run_sync(CAPTURED.read_bytes)
    async with ApiServer().running() as server:
        server.body = body
        client = KubeletClient(Address(server.url), "node-a", time.monotonic)
        pods = {pod.name: pod for pod in await to_thread.run_sync(client.list_pods)}

    assert {request.path for request in server.requests} == {"/pods"}
    assert pods.keys() == {"web", "api2", "crash", "job1", "job2", "proxy-node-a"}
    assert {container.runtime for pod in pods.values() for container in pod.containers} == {"containerd"}
    # A static pod has the uid that is in its cgroup's path, which the API's mirror of it has only as an annotation.
    assert set(pods["proxy-node-a"].cgroup_uids) == {"64a1d2e4eede0b70dee8f3e19701b26c"}
    (waiting,) = pods["crash"].containers  # it waits to be started again
    assert (waiting.restart_count, waiting.termination) == (6, Termination("Completed", 0, 1_795_850_389_000))
    (job,) = pods["job1"].containers
    assert (job.restart_count, job.termination) == (0, Termination("Completed", 0, 1_795_850_027_000))


@pytest.mark.parametrize("name", [f"DNS:{NODE}", "IP:127.0.0.1"])
async def test_a_certificate_for_the_nodes_name_or_address_is_accepted(tmp_path: Path, name: str) -> None:
    """A kubelet's own certificate has only the name, one that the cluster has signed has the addresses."""
    async with kubelet(tmp_path / "node", name) as server:
        (pod,) = await pods_of(server, tmp_path / "token", tmp_path / "node" / "ca.crt")

    assert pod.name == "cart"
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer token"]


async def test_the_token_is_not_sent_to_a_server_that_cannot_be_verified(tmp_path: Path) -> None:
    await to_thread.run_sync(own_certificate, tmp_path / "other", f"DNS:{NODE}")
    with contextlib.suppress(ExceptionGroup):  # the server's side of the failed handshakes
        async with kubelet(tmp_path / "node", "DNS:worker-4", "IP:127.0.0.2") as server:
            with pytest.raises(ApiError, match="CERTIFICATE_VERIFY_FAILED"):
                await pods_of(server, tmp_path / "token", tmp_path / "node" / "ca.crt")  # of another name
            with pytest.raises(ApiError, match="CERTIFICATE_VERIFY_FAILED"):
                await pods_of(server, tmp_path / "token", tmp_path / "other" / "ca.crt")  # of another authority
    assert server.requests == []


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_file_without_certificates_is_named(tmp_path: Path, content: str | None) -> None:
    authority = tmp_path / "kubelet.crt"
    if content is not None:
        await to_thread.run_sync(authority.write_text, content)
    async with kubelet(tmp_path / "node", f"DNS:{NODE}") as server:
        with pytest.raises(ApiError, match=f"cannot read certificates from {authority}: "):
            await pods_of(server, tmp_path / "token", authority)


async def test_a_refusal_names_the_missing_right(tmp_path: Path) -> None:
    async with kubelet(tmp_path / "node", f"DNS:{NODE}") as server:
        server.mood = "refusing"
        with pytest.raises(ApiError, match=r"HTTP 403: Forbidden \(user=.*subresource\(s\)=\[pods proxy\]\)"):
            await pods_of(server, tmp_path / "token", tmp_path / "node" / "ca.crt")
