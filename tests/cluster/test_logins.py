"""Logins and proxies of kubectl: the API server speaks TLS and wants a token, as those of companies do."""

import json
import signal
import socket
import stat
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.cluster import Cluster
from tests.support.collector.certificates import own_certificate
from tests.support.connect_proxy import connect_proxy
from tests.support.port_forward import FGM_NAMESPACE
from tests.support.tls_relay import tls_relay

from fgm.cluster.kubectl.client import Kubectl
from fgm.cluster.tunnel.upgrade import path_of

pytestmark = [pytest.mark.slow]
TOKEN = "of-a-user"
HOST = "cluster.example:443"
"""An API server that only a proxy can reach: no address belongs to the name."""
EXEC_API = "client.authentication.k8s.io/v1"


class SecureCluster(Cluster):
    """A cluster behind TLS, with one node."""

    def __init__(self, folder: Path, viewer_port: int) -> None:
        super().__init__(folder)
        self._stack, self.folder = ExitStack(), folder
        certificate = own_certificate(folder / "tls", "IP:127.0.0.1", f"DNS:{HOST.partition(':')[0]}")
        self.certificate, self._authority = certificate, certificate.with_name("ca.crt")
        self.tls_port = self._stack.enter_context(tls_relay(self.api.port, certificate))
        self.api.token = TOKEN
        self.add_node("worker-1", viewer_port)

    def close(self) -> None:
        self._stack.close()
        super().close()

    def configure(self, user: dict[str, Any], **cluster: str) -> None:
        """Write the configuration of kubectl."""
        facts = {"server": f"https://127.0.0.1:{self.tls_port}", "certificate-authority": str(self._authority)}
        (self.folder / "config").write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "secure", "cluster": {**facts, **cluster}}],
                    "contexts": [{"name": "test", "context": {"cluster": "secure", "user": "someone"}}],
                    "users": [{"name": "someone", "user": user}],
                }
            )
        )

    def login(self, code: str) -> dict[str, Any]:
        """Return the user of a program that logs in. `code`: what it does; `log` writes a line for each call."""
        program = self.folder / "login"
        program.write_text(
            f"#!{sys.executable}\nimport json, pathlib, sys, time\nfolder = pathlib.Path({str(self.folder)!r})\n"
            "with (folder / 'log').open('a') as log: log.write('called\\n')\n"
            f"def give(token): print(json.dumps({{'apiVersion': {EXEC_API!r}, 'kind': 'ExecCredential', "
            f"'status': {{'token': token}}}}))\n{code}\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return {"exec": {"apiVersion": EXEC_API, "command": str(program), "interactiveMode": "IfAvailable"}}

    def logins(self) -> int:
        """Return how many times the program was called."""
        return len((self.folder / "log").read_text().splitlines())

    def refusal(self) -> str:
        """Return the error message of `fgm nodes`."""
        code, out, err = self.run("nodes")
        assert (code, out, len(err.splitlines())) == (1, "", 1)
        return err


@pytest.fixture
def secure_cluster(tmp_path: Path, port: int) -> Iterator[SecureCluster]:
    """A cluster that kubectl is not configured for yet."""
    cluster = SecureCluster(tmp_path, port)
    yield cluster
    cluster.close()


def test_a_login_program_gives_the_token_to_each_kubectl(secure_cluster: SecureCluster, port: int) -> None:
    secure_cluster.add_node("worker-2", port)
    secure_cluster.configure(secure_cluster.login(f"give({TOKEN!r})"))
    code, out, err = secure_cluster.run("nodes")

    assert (code, err) == (0, "")
    assert "\nworker-1  fgm-worker-1  " in out
    assert "\nworker-2  fgm-worker-2  " in out
    assert secure_cluster.logins() == 3, "for the list of pods, that of nodes, and once to reach all nodes"
    assert secure_cluster.api.over_web_sockets == []


def test_what_a_login_program_prints_while_it_waits_is_shown(secure_cluster: SecureCluster, tmp_path: Path) -> None:
    secure_cluster.configure(
        secure_cluster.login(
            "if not (folder / 'confirmed').exists():\n"
            "    print('open https://login.example and enter ABC-DEF', file=sys.stderr, flush=True)\n"
            "while not (folder / 'confirmed').exists(): time.sleep(0.05)\n"
            f"give({TOKEN!r})"
        )
    )
    with secure_cluster.start("nodes") as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        (tmp_path / "confirmed").touch()
        out, err = process.communicate(timeout=60)

    assert said == "fgm: kubectl: open https://login.example and enter ABC-DEF\n"
    assert (process.returncode, err) == (0, "")
    assert "\nworker-1  fgm-worker-1  " in out


def test_the_error_of_a_login_has_what_the_program_has_printed(secure_cluster: SecureCluster) -> None:
    secure_cluster.configure(
        secure_cluster.login("print('the session has ended\\nrun sso login', file=sys.stderr)\nsys.exit(3)")
    )

    assert secure_cluster.refusal() == (
        "fgm: kubectl cannot list pods: Unable to connect to the server: getting credentials: exec: executable "
        f"{secure_cluster.folder}/login failed with exit code 3 (it printed before: the session has ended; run sso "
        "login); log in as you do for kubectl\n"
    )


def test_a_token_that_is_not_accepted_is_an_error_of_the_login(secure_cluster: SecureCluster) -> None:
    secure_cluster.configure({"token": "expired"})

    assert secure_cluster.refusal().endswith("log in as you do for kubectl\n")


def test_a_login_program_that_is_not_installed_is_an_error_with_its_own_hint(secure_cluster: SecureCluster) -> None:
    user = secure_cluster.login("")
    user["exec"] |= {"command": "sso-login", "installHint": "sso-login is on the intranet"}
    secure_cluster.configure(user)

    assert "sso-login is on the intranet" in secure_cluster.refusal()


@pytest.mark.parametrize("has_web_sockets", [True, False])
@pytest.mark.parametrize("where", ["proxy-url", "HTTPS_PROXY"])
def test_lists_and_forwards_go_through_a_proxy(
    secure_cluster: SecureCluster, where: str, has_web_sockets: bool
) -> None:
    secure_cluster.api.has_web_sockets = has_web_sockets
    with connect_proxy({HOST: secure_cluster.tls_port}) as proxy:
        if where == "proxy-url":
            secure_cluster.configure({"token": TOKEN}, server=f"https://{HOST}", **{where: proxy.url})
        else:
            secure_cluster.configure({"token": TOKEN}, server=f"https://{HOST}")
            secure_cluster.environment[where] = proxy.url
        code, out, err = secure_cluster.run("nodes")

    assert (code, err) == (0, "")
    assert "\nworker-1  fgm-worker-1  " in out
    assert secure_cluster.api.forwards == ["fgm-worker-1"]
    assert set(proxy.asked) == {HOST}


def test_a_proxy_is_not_gone_around_if_the_server_can_be_reached_without(secure_cluster: SecureCluster) -> None:
    """`kubectl proxy` would connect directly to forward."""
    server = f"127.0.0.1:{secure_cluster.tls_port}"
    with connect_proxy({server: secure_cluster.tls_port}) as proxy:
        secure_cluster.configure({"token": TOKEN}, **{"proxy-url": proxy.url})
        code, _, err = secure_cluster.run("nodes")

    assert (code, err) == (0, "")
    assert proxy.asked == [server] * len(proxy.asked)
    assert secure_cluster.api.over_web_sockets == ["fgm-worker-1"]


def test_a_certificate_that_only_the_system_knows_is_checked(
    secure_cluster: SecureCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kubectl proxy` alone would send the token to every server to forward."""
    secure_cluster.configure({"token": TOKEN})
    path = secure_cluster.folder / "config"
    facts = json.loads(path.read_text())
    authority = facts["clusters"][0]["cluster"].pop("certificate-authority")
    path.write_text(json.dumps(facts))
    assert "certificate" in secure_cluster.refusal()

    for name in ("PATH", "HOME", "KUBECONFIG"):
        monkeypatch.setenv(name, secure_cluster.environment[name])
    kubectl = Kubectl(FGM_NAMESPACE, "test")
    flags = kubectl.proxy_flags()
    assert flags == ["--tls-server-name=127.0.0.1"]
    with kubectl.proxy(flags) as proxy, socket.socket(socket.AF_UNIX) as connection:
        connection.connect(proxy.socket() or "")
        headers = "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(f"POST {path_of(FGM_NAMESPACE, 'fgm-worker-1')} HTTP/1.1\r\n{headers}".encode())
        assert b"certificate" in connection.recv(4096)
    assert secure_cluster.api.forwards == []

    secure_cluster.environment["SSL_CERT_FILE"] = authority  # what kubectl takes for the system's
    code, _, err = secure_cluster.run("nodes")
    assert (code, err) == (0, "")
    assert (secure_cluster.api.forwards, secure_cluster.api.over_web_sockets) == (["fgm-worker-1"], [])


def test_a_proxy_that_refuses_is_part_of_the_error(secure_cluster: SecureCluster) -> None:
    """kubectl's message names the API server instead."""
    secure_cluster.configure({"token": TOKEN}, server=f"https://{HOST}", **{"proxy-url": "http://127.0.0.1:1"})

    message = secure_cluster.refusal()
    assert f"The connection to the server {HOST} was refused" in message
    assert "a proxy (proxy-url, HTTPS_PROXY) that refuses has the same message" in message


def test_a_context_that_does_not_exist_is_an_error_with_a_hint(secure_cluster: SecureCluster) -> None:
    secure_cluster.configure({"token": TOKEN})
    secure_cluster.context = "production"

    message = secure_cluster.refusal()
    assert "production" in message
    assert message.endswith("; kubectl config get-contexts lists your clusters\n")


def test_ctrl_c_does_not_wait_for_an_api_server_that_hangs(secure_cluster: SecureCluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:  # it accepts, and never answers
        secure_cluster.configure({"token": TOKEN}, server=f"https://127.0.0.1:{hung.getsockname()[1]}")
        with secure_cluster.start("nodes") as process:
            connection, _ = hung.accept()
            with connection:
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                process.send_signal(signal.SIGTERM)
                _, err = process.communicate(timeout=5)

    assert (process.returncode, err) == (1, "fgm: stopped\n")
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_a_client_certificate_is_a_login(secure_cluster: SecureCluster) -> None:
    pair = secure_cluster.certificate
    secure_cluster.api.token = ""
    with tls_relay(secure_cluster.api.port, pair, clients=pair) as port:
        server = f"https://127.0.0.1:{port}"
        secure_cluster.configure({}, server=server)
        assert "kubectl cannot list pods" in secure_cluster.refusal()

        secure_cluster.configure({"client-certificate": str(pair), "client-key": str(pair)}, server=server)
        code, _, err = secure_cluster.run("nodes")

    assert (code, err) == (0, "")
    assert (secure_cluster.api.forwards, secure_cluster.api.over_web_sockets) == (["fgm-worker-1"], [])


def test_a_login_that_has_ended_is_done_again(secure_cluster: SecureCluster, tmp_path: Path, port: int) -> None:
    """`kubectl proxy` keeps its login, and does not ask for another one to forward."""
    nodes = [f"worker-{number}" for number in range(1, 7)]
    for node in nodes[1:]:
        secure_cluster.add_node(node, port)
    secure_cluster.configure(secure_cluster.login("give((folder / 'token').read_text())"))
    (tmp_path / "token").write_text(TOKEN)
    over_web_sockets = []
    with secure_cluster.start("cluster", "--no-browser", "--port=0") as process, ThreadPoolExecutor(6) as pool:
        assert process.stderr is not None
        address = process.stderr.readline().split()[-1]
        strips = [f"{address}api/strips?node={node}&from=0&to=60000&columns=1" for node in nodes]
        for token in (TOKEN, "the-next", "the-next", "the-next"):
            secure_cluster.api.token = token
            (tmp_path / "token").write_text(token)
            assert all(pool.map(_strips, strips))
            over_web_sockets.append(len(secure_cluster.api.over_web_sockets))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0

    assert over_web_sockets[0] == 0
    assert 1 <= over_web_sockets[1] <= len(nodes), "the second time, some have a kubectl of their own"
    assert over_web_sockets[1:] == over_web_sockets[1:2] * 3, "later, all have the next proxy"


def _strips(url: str) -> object:
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.loads(response.read())
