"""`fgm cluster` with a real kubectl and real viewers: the answers of its server, and what is left after it."""

import json
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.cluster import Cluster

pytestmark = [pytest.mark.slow]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


KILLED_MS = ms("2026-11-26T17:46:40Z")
RANGE = f"from={ms('2026-11-26T17:40:00Z')}&to={ms('2026-11-26T17:52:00Z')}"


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def get(url: str, **headers: str) -> tuple[int, bytes, Any]:
    """Return status, body and headers of an answer."""
    opener = urllib.request.build_opener(NoRedirects)
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=30) as response:
            return response.status, response.read(), response.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


@contextmanager
def served(cluster: Cluster) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run `fgm cluster` until the block is left; yield the process and the address of its page."""
    with cluster.start("cluster", "--no-browser", "--port=0") as process:
        assert process.stderr is not None
        match = re.fullmatch(r"fgm: open (http://127\.0\.0\.1:\d+/)\n", process.stderr.readline())
        assert match
        try:
            yield process, match[1]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0


def test_the_page_asks_nodes_when_it_wants_something(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-1", port)
    real_cluster.add_node("worker-2")
    with served(real_cluster) as (_, address):
        status, page, _ = get(address)
        assert (status, b'<div id="page">' in page) == (200, True)
        for path in re.findall(rb'(?:href|src)="([^"]+)"', page):
            assert get(address + path.decode())[0] == 200
        assert json.loads(get(f"{address}api/nodes")[1]) == {"context": "test", "nodes": ["worker-1", "worker-2"]}

        strips = json.loads(get(f"{address}api/strips?node=worker-1&{RANGE}&columns=12")[1])
        assert len(strips["cpu"]) == len(strips["memory_share"]) == len(strips["pressure"]) == 12
        assert strips["cpu"][0] is None
        assert max(value for value in strips["pressure"] if value is not None) <= 1
        assert "oom_kill" in {event["kind"] for event in strips["events"]}

        status, problem, _ = get(f"{address}api/strips?node=worker-2&{RANGE}&columns=12")
        assert (status, "connection refused" in json.loads(problem)["detail"]) == (502, True)

        lines = [json.loads(line) for line in get(f"{address}api/minute?at={KILLED_MS}")[1].splitlines()]
        assert lines[:2] == [{"done": 1, "of": 2}, {"done": 2, "of": 2}]
        assert (lines[2]["findings"][0]["node"], lines[2]["findings"][0]["kind"]) == ("worker-1", "oom_kill")
        assert [failure["source"] for failure in lines[2]["failures"]] == ["node/worker-2"]


def test_a_click_forwards_to_the_node_until_the_end(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-1", port)
    with served(real_cluster) as (process, address):
        status, _, headers = get(f"{address}open?node=worker-1&at={KILLED_MS}")
        first = headers["Location"]
        assert status == 303
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#at=2026-11-26T17:46:40Z", first)
        assert get(first.partition("#")[0])[0] == 200
        assert get(f"{address}open?node=worker-1")[2]["Location"] == first.partition("#")[0], "it is open already"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

        real_cluster.api.cut()
        again = get(f"{address}open?node=worker-1")[2]["Location"]
        assert get(again)[0] == 200
    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_a_browser_gets_a_page_about_a_node_that_does_not_answer(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-1", port)
    real_cluster.add_node("worker-2")
    with served(real_cluster) as (_, address):
        for node, status, sentence in (
            ("worker-2", 502, b"worker-2: nothing listens in its pod: connection refused"),
            ("%3Cb%3E", 400, b"there is no node &#x27;&lt;b&gt;&#x27; with an fgm pod"),
        ):
            answer = get(f"{address}open?node={node}", Accept="text/html,*/*;q=0.8")
            assert (answer[0], sentence in answer[1]) == (status, True), answer[1]
            assert answer[2]["Content-Type"] == "text/html; charset=utf-8"
            assert b'<a href="/">' in answer[1]
        status, problem, _ = get(f"{address}open?node=worker-2")
        assert (status, json.loads(problem)["detail"]) == (
            502,
            "worker-2: nothing listens in its pod: connection refused",
        )


def test_what_is_wrong_is_named_and_other_pages_cannot_ask(real_cluster: Cluster, port: int) -> None:
    real_cluster.add_node("worker-1", port)
    with served(real_cluster) as (_, address):
        for path, status, detail in (
            ("api/strips?node=worker-7&from=1&to=2&columns=1", 400, "there is no node 'worker-7'"),
            ("api/strips?node=worker-1&from=2&to=1&columns=1", 400, "the range is empty"),
            ("api/strips?node=worker-1&from=1&to=2&columns=9999", 400, "'9999' is not a whole number"),
            ("api/minute?at=soon", 400, "'soon' is not a whole number"),
            ("api/minute?at=1&path=/etc", 400, "there is no such parameter"),
            ("open?node=worker-1&at=1%0d%0aX-Y:z", 400, "is not a whole number"),
            ("api/other", 404, "there is no such path"),
        ):
            answer = get(address + path)
            assert (answer[0], detail in json.loads(answer[1])["detail"]) == (status, True), (path, answer)
        assert get(f"{address}open?node=worker-1", **{"Sec-Fetch-Site": "cross-site"})[0] == 403
        assert get(f"{address}api/nodes", Host="example.org")[0] == 421


def test_a_cluster_that_cannot_be_reached_is_an_error(real_cluster: Cluster) -> None:
    real_cluster.api.close()
    code, _, err = real_cluster.run("cluster", "--no-browser", "--port=0")

    assert code == 1
    assert err.startswith("fgm: kubectl cannot list pods: The connection to the server ")


def test_a_cluster_without_fgm_is_an_error(real_cluster: Cluster) -> None:
    code, _, err = real_cluster.run("cluster", "--no-browser", "--port=0")

    assert code == 1
    assert err.startswith("fgm: the cluster has no fgm pods in namespace fine-grained-monitor: apply")
