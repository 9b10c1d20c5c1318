"""`fgm mcp` as a process: on standard input and output, on HTTP, and how it ends."""

import contextlib
import http.client
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from mcp import Client
from tests.support import leak_and_stall
from tests.support.agents import answer, call, children_of, http_agents, local_agent, stdio_agent, text_of
from tests.support.cluster import viewer
from tests.support.processes import LOOK_AGAIN_S

from fgm.agents.answer import estimated_tokens
from fgm.agents.tools.toolbox import TOOLS
from fgm.cli import main

pytestmark = [pytest.mark.slow]

MINUTE = "2026-11-26T17:46Z"
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


async def test_a_directory_is_asked_through_pipes_and_its_viewer_ends_with_the_client(incidents_dir: Path) -> None:
    async with stdio_agent(str(incidents_dir)) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == [tool.name for tool in TOOLS]
        text = await answer(client, "what_happened", time=MINUTE)

        assert "1. payments was OOM-killed at 17:46:40" in text
        (link,) = [line for line in text.splitlines() if line.startswith("Page: ")]
        address = urlsplit(link.removeprefix("Page: "))
        with contextlib.closing(http.client.HTTPConnection(address.netloc)) as connection:
            connection.request("GET", "/")
            assert connection.getresponse().status == 200
    connection = http.client.HTTPConnection(address.netloc)
    with pytest.raises(ConnectionRefusedError):
        connection.connect()


@pytest.fixture(scope="module")
def http_url(incidents_url: str) -> Iterator[str]:
    with http_agents(incidents_url) as url:
        yield url


async def test_http_gives_the_same_answers_to_several_clients(http_url: str, agent: Client) -> None:
    assert urlsplit(http_url).hostname == "127.0.0.1"
    async with Client(http_url) as first, Client(http_url, mode="legacy") as second:
        assert first.protocol_version != second.protocol_version  # hosts of today, and of a year ago
        texts = [await answer(client, "what_happened", time=MINUTE) for client in (first, second, agent)]

    assert "payments was OOM-killed" in texts[0]
    assert len(set(texts)) == 1


def test_http_refuses_other_hosts_other_origins_and_large_requests(http_url: str) -> None:
    """A page of another site that resolves to 127.0.0.1 cannot call tools."""
    address = urlsplit(http_url)
    own = {"Host": address.netloc, "Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

    def status(body: bytes = json.dumps(CALL).encode(), **changed: str) -> int:
        with contextlib.closing(http.client.HTTPConnection(address.netloc)) as connection:
            connection.request("POST", address.path, body, {**own, **changed})
            return connection.getresponse().status

    assert status() == 200
    assert status(Origin=f"http://{address.netloc}") == 200
    assert status(Host="attacker.example:80") == 421
    assert status(Host=f"attacker.example:{address.port}") == 421
    assert status(Origin="http://attacker.example") == 403
    assert status(Origin="http://localhost:1") == 403
    assert status(Origin="null") == 403
    assert status(b" " * (70 << 10)) == 413


def test_its_viewer_ends_with_it_also_if_it_is_killed(incidents_dir: Path) -> None:
    command = [sys.executable, "-m", "fgm", "mcp", str(incidents_dir), "--http", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "serving agents" in process.stderr.readline()
        (child,) = children_of(process.pid)
        process.kill()
    deadline = time.monotonic() + 10
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(LOOK_AGAIN_S)


def _runs(process_id: int) -> bool:
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("/nowhere", "/nowhere is neither a directory nor a pack"),
        ("http://example.org:8050", "is not on this machine"),
        ("http://127.0.0.1:1", "Connection refused"),
    ],
)
def test_a_source_that_cannot_be_asked_is_an_error_at_the_start(
    capsys: pytest.CaptureFixture[str], source: str, reason: str
) -> None:
    assert main(["mcp", source]) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert reason in printed.err
    assert printed.err.count("\n") == 1


def test_a_port_that_is_taken_is_an_error_at_the_start(capsys: pytest.CaptureFixture[str], incidents_url: str) -> None:
    assert main(["mcp", incidents_url, "--http", str(urlsplit(incidents_url).port)]) == 1

    assert "is taken: stop the program that listens on it, or give another port with --http" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert main(["mcp", "/nowhere"]) == 1
    assert capsys.readouterr().err == "fgm: the packages for agents are not installed: pip install 'fgm[mcp]'\n"


async def test_a_viewer_that_ends_is_an_error_in_the_answer(incidents_dir: Path) -> None:
    with viewer(incidents_dir) as (process, port):
        async with local_agent(f"http://127.0.0.1:{port}") as client:
            await answer(client, "nodes")
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            result = await call(client, "nodes", {})

    assert result.is_error
    assert "cannot connect" in text_of(result)


async def test_a_pack_is_asked_and_names_that_were_left_out_stay_out(incidents_dir: Path, tmp_path: Path) -> None:
    pack = tmp_path / "incident.html"
    span = ["--from", "2026-11-26T17:46:00Z", "--to", "2026-11-26T17:47:00Z"]
    command = [sys.executable, "-m", "fgm", "save", str(incidents_dir), *span, "--redact", "all", "-o", str(pack)]
    await anyio.run_process(command)
    with viewer(pack) as (_, port):
        async with local_agent(f"http://127.0.0.1:{port}") as client:
            happened = await answer(client, "what_happened", from_="2026-11-26T17:46:00Z", to="2026-11-26T17:47:00Z")
            found = await answer(client, "find")

    assert "was OOM-killed at 17:46:40" in happened
    assert " series on " in found
    for name in ("payments", "worker-3", "9f762c370b87", "shop"):
        assert name not in happened + found


async def test_a_leak_its_process_and_a_stall_are_found_by_calls_alone(tmp_path: Path) -> None:
    """Two further stories of docs/tour.md."""
    planted = leak_and_stall.PLANTED
    with viewer(leak_and_stall.unpacked(tmp_path)) as (_, port):
        async with local_agent(f"http://127.0.0.1:{port}") as client:
            texts = [await answer(client, "what_happened", last="10m")]
            leak = next(line for line in texts[0].splitlines() if f"{planted['leak']['name']} (" in line)
            assert "keeps taking anonymous memory" in leak
            stall = next(line for line in texts[0].splitlines() if "stalled for" in line)
            assert planted["stall"]["name"] in stall
            leaking = leak.rpartition("id ")[2].split(")")[0]
            texts.append(await answer(client, "processes", container=leaking, by="memory", last="10m", limit=3))
            assert texts[-1].split("Most memory first:\n")[1].startswith(f"{planted['leak']['comm']} pid ")
            begin, end = re.findall(r"(\d\d:\d\d:\d\d) to (\d\d:\d\d:\d\d)", leak)[0]
            of_leak = {"metric": "memory_working_set", "container": leaking, "from_": begin, "to": end}
            texts.append(await answer(client, "series", **of_leak, study="trend"))
            assert "trend: rises by" in texts[-1]

    assert sum(map(estimated_tokens, texts)) <= 4000
