"""The address of the API, and when its token is sent."""

from dataclasses import replace
from pathlib import Path

from fgm.collector.kubernetes.requests.address import Address, find_api, find_kubelet
from fgm.collector.settings import Settings

IN_CLUSTER = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"}


def test_in_a_cluster_the_address_comes_from_the_kubelets_variables() -> None:
    assert find_api(Settings(), IN_CLUSTER) == Address("https://10.96.0.1:6443")
    assert find_api(Settings(), {"KUBERNETES_SERVICE_HOST": "fd00::1"}) == Address("https://[fd00::1]:443")


def test_outside_a_cluster_there_is_no_address() -> None:
    assert find_api(Settings(), {}) is None
    assert find_api(Settings(no_kubernetes=True, kubernetes_url="http://127.0.0.1:8001"), IN_CLUSTER) is None


def test_the_setting_decides_before_the_variables(tmp_path: Path) -> None:
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.touch()
    authority.touch()
    settings = Settings(
        kubernetes_url="https://api.example:6443", kubernetes_token_file=str(token), kubernetes_ca_file=str(authority)
    )

    assert find_api(settings, IN_CLUSTER) == Address("https://api.example:6443", str(token), str(authority))


def test_the_token_is_sent_over_the_network_only_with_tls(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch()
    for url, shown in (("http://api.example:8001", None), ("http://127.0.0.1:8001", str(token))):
        address = find_api(Settings(kubernetes_url=url, kubernetes_token_file=str(token)), {})
        assert address is not None
        assert address.token_file == shown


def test_the_kubelet_has_the_address_of_the_node_and_is_always_verified(tmp_path: Path) -> None:
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.touch()
    authority.touch()
    settings = Settings(
        node_name="worker-3",
        kubernetes_source="kubelet",
        kubelet_host="fd00::3",
        kubernetes_token_file=str(token),
        kubernetes_ca_file=str(authority),
    )
    names = ("worker-3", "fd00::3")

    assert find_kubelet(settings) == Address("https://[fd00::3]:10250", str(token), str(authority), names)
    own = find_kubelet(replace(settings, kubelet_ca_file="/absent/kubelet.crt"))
    assert own is not None
    assert own.authority_file == "/absent/kubelet.crt"  # never the system's certificates instead
    assert find_kubelet(replace(settings, no_kubernetes=True)) is None
