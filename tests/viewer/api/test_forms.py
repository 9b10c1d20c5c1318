"""The forms of an answer: JSON, binary, compressed, or 304 if the client already has it."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anyio import to_thread

from fgm.viewer.web.compression import accepts_gzip
from tests.support.viewer.api_client import NOW_MS, ApiClient
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, chunk, container, counting, id_of

CLOSED = f"/api/timeseries?metric=memory.current&from={T0}&to={T0 + 60_000}"


def record(root: Path) -> DataDirectory:
    data = DataDirectory(root)
    data.parquet(counting(NODE, T0, 90), chunk(container(1), T0, {"memory.current": [7.25, None, 0] * 20}))
    data.journal(counting(NODE, T0 + 90_000, 31))
    return data


@pytest.fixture
def client(tmp_path: Path) -> ApiClient:
    record(tmp_path)
    return ApiClient(tmp_path)


def decoded(body: bytes) -> dict[str, Any]:
    """Return the answer in the binary form, read in the way that its documentation describes."""
    length = int.from_bytes(body[:4], "little")
    facts: dict[str, Any] = json.loads(body[4 : 4 + length])
    begin = -(-(4 + length) // 8) * 8
    assert not any(body[4 + length : begin])
    for series in facts["series"]:
        for name in ("t_ms", "value"):
            column = np.frombuffer(body, "<f8", series["count"], begin + series[name])
            series[name] = [None if np.isnan(v) else v for v in column.tolist()]
        del series["count"]
    return facts


async def test_the_binary_form_has_the_values_of_the_json(client: ApiClient) -> None:
    await client.ready()
    path = CLOSED.replace("memory.current", "memory.current,total_cpu_usage_millicores")
    binary = await client.get(path + "&format=binary")

    assert binary.headers["content-type"] == "application/octet-stream"
    assert decoded(binary.body) == (await client.get(path + "&format=json")).json
    assert len(binary.body) % 8 == 0


async def test_raw_answers_every_sample(tmp_path: Path) -> None:
    def make() -> ApiClient:
        DataDirectory(tmp_path, rotation_s=7200).parquet(counting(NODE, T0 - 5_300_000, 5400))
        return ApiClient(tmp_path)

    client = await to_thread.run_sync(make)
    await client.ready()
    path = "/api/timeseries?metric=memory.current&range=2h&points=100"
    reduced, raw = (await client.get(path)).json, (await client.get(path + "&raw=1")).json

    assert (reduced["resolution"], raw["resolution"]) == ("m4", "raw")
    assert len(raw["series"][0]["t_ms"]) == 5400


async def test_a_long_json_is_compressed_if_the_client_accepts_gzip(client: ApiClient) -> None:
    await client.ready()
    plain = await client.get(CLOSED + "&containers=node", accept_encoding="br, gzip;q=0")
    short = await client.get("/api/containers?search=nothing", accept_encoding="gzip")
    packed = await client.get(CLOSED + f"&containers=node,{id_of(1)}", accept_encoding="gzip, br")
    binary = await client.get(CLOSED + "&format=binary", accept_encoding="gzip")

    assert packed.headers["content-encoding"] == "gzip"
    assert {s["id"] for s in json.loads(gzip.decompress(packed.body))["series"]} == {"node", id_of(1)}
    assert [a.headers.get("content-encoding") for a in (plain, short, binary)] == [None, None, None]
    assert plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("gzip", True),
        ("br, *", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("GZIP;q=.5", True),
    ],
)
def test_accept_encoding_decides_whether_an_answer_is_compressed(header: str | None, *, expected: bool) -> None:
    assert accepts_gzip(header) is expected


async def test_an_answer_for_a_closed_range_is_not_sent_twice(client: ApiClient) -> None:
    await client.ready()
    first = await client.get(CLOSED)
    again = await client.get(CLOSED, if_none_match=first.headers["etag"])

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await client.get(CLOSED + "&format=binary", if_none_match=first.headers["etag"])).status == 200


async def test_an_answer_for_a_closed_range_is_sent_again_after_its_files_changed(tmp_path: Path) -> None:
    data = await to_thread.run_sync(record, tmp_path)
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()
    first = await client.get(CLOSED)
    await to_thread.run_sync(lambda: data.parquet(counting(NODE, T0, 50)))
    again = await client.get(CLOSED, if_none_match=first.headers["etag"])

    assert again.status == 200
    assert again.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    "span", ["range=1m", f"from={T0}", f"from={T0}&to={T0 + 95_000}", f"from={T0}&to={NOW_MS + 1}"]
)
async def test_an_answer_that_may_still_grow_has_no_entity_tag(client: ApiClient, span: str) -> None:
    await client.ready()
    answer = await client.get(f"/api/timeseries?metric=memory.current&{span}")

    assert answer.status == 200
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


async def test_the_list_of_metrics_is_not_sent_twice(client: ApiClient) -> None:
    await client.ready()
    first = await client.get("/api/metrics")

    assert (await client.get("/api/metrics", if_none_match=first.headers["etag"])).status == 304
