"""What one viewer says about a minute: a real viewer of recorded incidents, opened as a source."""

from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import anyio
import pytest
from tests.support.cluster import viewer
from tests.support.incidents import unpacked

from fgm.asking.health import ask_health
from fgm.asking.minute import MinuteQuestion, NodeAnswer, ask_minute
from fgm.asking.sources import opened
from fgm.iso_time import parse_ms

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with viewer(unpacked(tmp_path_factory.mktemp("recording"))) as (_, port):
        yield f"http://127.0.0.1:{port}"


def ask(address: str, time: str, namespace: str = "", pod: str = "") -> NodeAnswer:
    from_ms = parse_ms(time)

    async def asked() -> NodeAnswer:
        async with opened(address) as client:
            return await ask_minute(client, "x", MinuteQuestion(from_ms, from_ms + 60_000, from_ms, namespace, pod))

    return anyio.run(asked)


def test_the_minute_of_an_oom_kill(address: str) -> None:
    answer = ask(address, "2026-11-26T17:46:00Z")

    assert (answer.findings[0].kind, answer.findings[0].name) == ("oom_kill", "payments")
    assert answer.findings[0].share is not None
    assert answer.findings[0].text.startswith("payments was OOM-killed at 17:46:40")
    assert "oom_kill" in {event.kind for event in answer.events}
    assert {len(users) for users in answer.users.values()} == {5}
    assert answer.fragment == "from=2026-11-26T17:41:00Z&to=2026-11-26T17:52:00Z&at=2026-11-26T17:46:34Z"
    assert answer.missing == ("only 0 s are recorded before, so little is known of what is usual",)


EARLIER_VIEWER = """
import sys
from fgm.viewer.__main__ import main
from fgm.viewer.api.request import values
from fgm.viewer.health import HealthReport

facts_of = HealthReport.__call__
values.named_metrics = lambda fields: (values.one_metric(fields),)
HealthReport.__call__ = lambda report: {name: fact for name, fact in facts_of(report).items() if name != "node_name"}
sys.exit(main(sys.argv[1:]))
"""


def test_an_earlier_viewer_gives_the_same_answer(address: str, tmp_path: Path) -> None:
    with viewer(unpacked(tmp_path), started_by=("-c", EARLIER_VIEWER)) as (_, port):
        with pytest.raises(HTTPError, match="400"):
            urlopen(f"http://127.0.0.1:{port}/api/top?metric=memory.current,pids.current&range=all")
        earlier = ask(f"http://127.0.0.1:{port}", "2026-11-26T17:46:00Z")

    now = ask(address, "2026-11-26T17:46:00Z")
    assert earlier.health.node == now.health.node != ""
    assert earlier.users == now.users
    assert earlier.findings == now.findings


def test_what_began_before_and_lasts_is_found(address: str) -> None:
    """The neighbour began at 17:50:16."""
    (finding, *_) = ask(address, "2026-11-26T17:51:00Z").findings

    assert (finding.kind, finding.name) == ("neighbour", "batch-import")


def test_a_victim_is_asked_about_and_the_culprit_is_named(address: str) -> None:
    answer = ask(address, "2026-11-26T17:50:00Z", pod="ledger-db")

    assert "batch-import" in {finding.name for finding in answer.findings}
    assert {user.name for users in answer.users.values() for user in users} == {"ledger-db"}


@pytest.mark.parametrize(
    ("time", "namespace", "missing"),
    [
        ("2026-11-27T00:00:00Z", "", "its data ends before that minute, at 2026-11-26T17:51:44Z"),
        ("2026-11-20T00:00:00Z", "", "its data begins after that minute, at 2026-11-26T17:45:31Z"),
        ("2026-11-26T17:46:00Z", "nowhere", "it had no such containers in that minute"),
    ],
)
def test_without_data_the_answer_says_why(address: str, time: str, namespace: str, missing: str) -> None:
    answer = ask(address, time, namespace)

    assert (answer.findings, answer.users, answer.missing) == ((), {}, (missing,))


def test_a_viewer_that_was_started_for_a_directory_ends_with_the_question(tmp_path: Path) -> None:
    folder = unpacked(tmp_path)

    async def asked() -> str:
        async with opened(str(folder)) as client:
            assert (await ask_health(client)).newest_ms == parse_ms("2026-11-26T17:51:44Z")
            return client.url

    url = anyio.run(asked)
    running = [path for path in Path("/proc").glob("[0-9]*/cmdline") if _has(path, str(folder))]
    assert running == [], url


def _has(path: Path, word: str) -> bool:
    try:
        return word.encode() in path.read_bytes().split(b"\0")
    except OSError:  # it has ended
        return False
