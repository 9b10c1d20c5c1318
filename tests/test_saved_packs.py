"""Packs of a real recording: a viewer of one answers as the one that saved it, and no name that is left out stays."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from anyio import to_thread

from fgm import cli, iso_time
from fgm.store.index import index_file
from fgm.viewer.api.services import Services
from fgm.viewer.health import Address
from fgm.viewer.packs.opening.opened_packs import OpenedPacks, opened
from fgm.viewer.packs.pack_reader import Pack, read_pack
from tests.support.fake_clock import FakeClock
from tests.support.recorded_incidents import truth, unpacked
from tests.support.viewer.api_client import ApiClient

RECORDING = "many_incidents"
NOW_MS = truth(RECORDING)["ended_ms"] + 2_000
SECRETS = ("container_id", "container_name", "pod_name", "namespace", "pod_uid")
"""Columns that all containers of the recording have."""
NOTE = f"{iso_time.format_seconds(truth(RECORDING)['ended_ms'] - 60_000)}:payments in shop on worker-3"
WHOLE_WORD = 5
"""Names of fewer characters must be words to count: many others contain them."""
OF_THE_PROGRAM = "page"
"""Part that is the same in each pack."""


@dataclass(frozen=True)
class Saved:
    """A recorded directory, and the path of a pack of its second half."""

    data_dir: Path
    path: Path
    made: dict[str, Pack] = field(default_factory=dict)

    def redacted(self, rule: str = "") -> Pack:
        """Return a pack of the last two minutes, without the names of a rule."""
        if rule not in self.made:
            path, flags = self.path.with_name("redacted.html"), ["--note", NOTE, *(["--redact", rule] if rule else [])]
            assert cli.main(["save", str(self.data_dir), "--last", "2m", "-o", str(path), *flags]) == 0
            self.made[rule] = read_pack(str(path))
        return self.made[rule]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("saved")
    data_dir, path = unpacked(RECORDING, folder), folder / "pack.html"
    assert cli.main(["save", str(data_dir), "--last", "8m", "-o", str(path)]) == 0
    return Saved(data_dir, path)


@pytest.fixture(scope="module")
def packs(saved: Saved) -> Iterator[OpenedPacks]:
    with opened([str(saved.path)]) as packs:
        yield packs


def viewer_of(packs: OpenedPacks) -> ApiClient:
    """Return a viewer of packs, a day later."""
    client = ApiClient(Path(packs.data_dir), NOW_MS)
    clock = packs.clock(FakeClock((NOW_MS + 86_400_000) * 1_000_000))
    client.services = Services(packs.data_dir, clock, client.start_up, Address(8050), packs=packs)
    client.serve()
    return client


@pytest.fixture
async def viewers(saved: Saved, packs: OpenedPacks) -> tuple[ApiClient, ApiClient]:
    """A viewer of the recorded directory, and one of the pack."""
    before = await to_thread.run_sync(ApiClient, saved.data_dir, NOW_MS)
    after = await to_thread.run_sync(viewer_of, packs)
    await before.ready()
    await after.ready()
    return before, after


CPU, MEMORY = "total_cpu_usage_millicores", "memory.current"


@pytest.mark.parametrize(
    "target",
    [
        f"/api/timeseries?metric={CPU},{MEMORY}&containers=IDS&SPAN",
        f"/api/timeseries?metric={CPU}&containers=IDS&SPAN&points=100",
        f"/api/timeseries?metric={CPU}&containers=IDS&SPAN&points=60&reduce=mean",
        f"/api/timeseries?metric={CPU},io_bytes_per_s&containers=IDS&SPAN&raw=1&format=binary",
        "/api/timeseries?metric=cpu_limit_millicores,memory_working_set&containers=IDS&SPAN&points=80&format=binary",
        f"/api/timeseries?metric={MEMORY}&scope=container&namespace=shop&SPAN",
        f"/api/top?metric={CPU}&SPAN",
        f"/api/top?metric={MEMORY}&SPAN&limit=4",
        f"/api/wall?metric={CPU}&SPAN&columns=300",
        f"/api/wall?metric={MEMORY}&SPAN&columns=50&by=workload&format=binary",
        "/api/events?containers=IDS&SPAN",
        "/api/findings?SPAN",
        "/api/findings?SPAN&limit=2",
        f"/api/studies?study=changepoint&metric={MEMORY}&containers=IDS&SPAN",
        "/api/containers?scope=container&SPAN",
        "/api/containers?labels=app:payments&SPAN",
        "/api/processes?id=node&SPAN",
        "/api/processes?id=ID&SPAN&by=memory",
        "/api/labelled?metric=io_bytes_per_s&SPAN",
        "/api/labelled?metric=io.stat.wbytes&containers=IDS&SPAN",
        "/at/HALF",
        "/api/filters",
    ],
)
async def test_a_viewer_of_a_pack_answers_as_the_one_that_saved_it(
    target: str, viewers: tuple[ApiClient, ApiClient], packs: OpenedPacks
) -> None:
    before, after = viewers
    span = "from={from_ms}&to={to_ms}".format(**packs.facts[0])
    listed = (await before.get(f"/api/containers?scope=container,node&{span}")).json["containers"]
    ids = ",".join(each["id"] for each in listed)
    middle = iso_time.format_seconds((packs.facts[0]["from_ms"] + packs.facts[0]["to_ms"]) // 2)
    full_target = target.replace("SPAN", span).replace("IDS", ids).replace("ID", ids[:12]).replace("HALF", middle)

    expected, answer = await before.get(full_target), await after.get(full_target)

    assert expected.status == 200, expected.body
    assert answer.body == expected.body
    assert len(answer.body) > 200


async def test_it_says_what_the_pack_contains(viewers: tuple[ApiClient, ApiClient]) -> None:
    (pack,) = (await viewers[1].get("/api/instance")).json["packs"]

    assert (pack["file"], pack["made_by"], pack["redacted"]) == ("pack.html", "fgm 0.1.0", [])
    assert pack["to_ms"] - pack["from_ms"] == 480_000


def texts_of(pack: Pack, folder: Path) -> str:
    """Return all text of a pack after decompression, also that in the pages and the metadata of its Parquet files."""
    parts = [json.dumps(pack.manifest.to_json())]
    for name in pack.names:
        content = pack.part(name)
        if name != OF_THE_PROGRAM:
            parts.append(content.decode("latin-1"))
        if content.startswith(b"PAR1"):
            (folder / "part.parquet").write_bytes(content)
            file = pq.ParquetFile(folder / "part.parquet")
            columns = [field.name for field in file.schema_arrow if "string" in str(field.type)]
            rows: list[dict[str, Any]] = file.read(columns).to_pylist()
            parts += [str(file.metadata.metadata), *{json.dumps(row) for row in rows}]
            assert columns
    return "\n".join(parts)


def found(names: set[str], text: str) -> set[str]:
    lower, words = text.lower(), set(re.split(r"[^a-z0-9]+", text.lower()))
    return {name for name in names if (name.lower() in lower if len(name) >= WHOLE_WORD else name.lower() in words)}


def test_no_name_that_is_left_out_is_anywhere_in_the_file(saved: Saved, tmp_path: Path) -> None:
    """With rules for everything. The same search finds nearly all names in a pack without rules."""
    index = index_file.load(str(saved.data_dir / "index.json"))
    facts = [entry.facts for entry in index.entries.values()]
    names = {str(each[name]) for each in facts for name in SECRETS if each.get(name)}  # type: ignore[literal-required]
    names |= {entry.full_id[:12] for entry in index.entries.values()}
    names |= {each["image"] or "" for each in facts if each.get("image")}
    names |= {value for each in facts for value in (each.get("labels") or {}).values()}
    names |= {name.replace("-", "_") for name in names if len(name) == 36}
    names |= {"worker-3", "prod-eu", "fine-grained-monitor-x7k2p", "systemd-journald"} - {""}
    names -= {"data"}  # a namespace, and a word of the format

    redacted, whole = saved.redacted("all"), saved.redacted()

    assert redacted.manifest.redacted == ["all"]
    assert found(names, texts_of(redacted, tmp_path)) == set()
    assert len(found(names, texts_of(whole, tmp_path))) > 60
    assert [note["text"].count("-") for note in redacted.manifest.notes] == [3]  # such as ctr-07 in ns-5 on node-1


def test_a_namespace_that_is_left_out_is_nowhere_and_the_others_stay(saved: Saved, tmp_path: Path) -> None:
    index = index_file.load(str(saved.data_dir / "index.json"))
    facts = [entry.facts for entry in index.entries.values()]
    shop = {str(each[name]) for each in facts for name in SECRETS if each["namespace"] == "shop" and each.get(name)}  # type: ignore[literal-required]
    others = {str(each["pod_name"]) for each in facts if each["namespace"] != "shop"}

    text = texts_of(saved.redacted("namespace=shop"), tmp_path)

    assert found(shop, text) == set()
    assert found({"shop"}, text) == set()
    assert len(found(others, text)) > 5
    assert '"redacted": ["one namespace"]' in text


def test_values_and_their_order_stay(saved: Saved) -> None:
    """The same bytes of samples, and as many rows in the same order."""
    redacted, whole = saved.redacted("all"), saved.redacted()

    for name in whole.names:
        if name.startswith("samples/"):
            headers = [int.from_bytes(pack.part(name)[:4], "little") for pack in (whole, redacted)]
            series = [
                json.loads(pack.part(name)[4 : 4 + size])["series"]
                for pack, size in zip((whole, redacted), headers, strict=True)
            ]
            without_ids = [[{**each, "id": ""} for each in listed] for listed in series]
            assert without_ids[0] == without_ids[1]
            starts = [4 + size + -(4 + size) % 8 for size in headers]
            assert whole.part(name)[starts[0] :] == redacted.part(name)[starts[1] :]
