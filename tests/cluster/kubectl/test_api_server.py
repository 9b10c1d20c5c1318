"""Whether `kubectl proxy` reaches an API server as other commands do, by kubectl's configuration."""

import json

import pytest

from fgm.cluster.kubectl.api_server import flags_of_proxy

SERVER = {"server": "https://k8s.example:6443"}
CHECKED = {**SERVER, "certificate-authority-data": "DATA+OMITTED"}


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def view(cluster: object) -> str:
    return json.dumps({"kind": "Config", "clusters": [{"name": "a", "cluster": cluster}]})


@pytest.mark.parametrize(
    "cluster",
    [
        CHECKED,
        {**SERVER, "certificate-authority": "/ca.crt"},
        {**SERVER, "tls-server-name": "k8s.example"},
        {**SERVER, "insecure-skip-tls-verify": True},
        {"server": "http://127.0.0.1:8080"},
    ],
)
def test_a_server_whose_certificate_is_checked_or_need_not_be(cluster: dict[str, object]) -> None:
    assert flags_of_proxy(view(cluster)) == []


@pytest.mark.parametrize(
    ("server", "name"),
    [("https://k8s.example:6443/k8s", "k8s.example"), ("https://10.0.0.1", "10.0.0.1"), ("https://[::1]:6443", "::1")],
)
def test_a_certificate_that_only_the_system_knows_is_checked_by_its_name(server: str, name: str) -> None:
    assert flags_of_proxy(view({"server": server})) == [f"--tls-server-name={name}"]


def test_the_proxy_of_a_cluster_would_not_be_used() -> None:
    assert flags_of_proxy(view({**CHECKED, "proxy-url": "http://proxy.example:3128"})) is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_the_proxy_of_the_environment_would_not_be_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://proxy.example:3128")
    assert flags_of_proxy(view(CHECKED)) is None

    monkeypatch.setenv("NO_PROXY", ".example")
    assert flags_of_proxy(view(CHECKED)) == []


@pytest.mark.parametrize("text", ["", "null", "{}", view(None), view({}), view({"server": 1}), view({"server": "["})])
def test_what_is_no_configuration_of_a_cluster(text: str) -> None:
    assert flags_of_proxy(text) is None
