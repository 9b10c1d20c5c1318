"""The pack that every later version opens, and what is in it.

`python -m tests.support.kept_pack` makes both. Make a further one for a new version of the format, and keep this one.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from fgm import cli, iso_time
from tests.support.recorded_incidents import incidents, truth, unpacked
from tests.support.viewer.api_client import ApiClient

_DATA = Path(__file__).parents[1] / "data"
PACK = _DATA / "pack-1.html"
EXPECTED = _DATA / "pack-1.json"
METRICS = ("total_cpu_usage_millicores", "memory_working_set", "io_bytes_per_s")
_RECORDING, _INCIDENT = "many_incidents", "restart-loop"
_LEAD_MS, _LENGTH_MS, _STEP_MS = 20_000, 90_000, 15_000


def expected() -> dict[str, Any]:
    """Return what the viewer of the recording has answered about the range of the pack."""
    facts: dict[str, Any] = json.loads(EXPECTED.read_text())
    return facts


def main() -> int:
    """Make the pack of a recorded incident, and write down what a viewer of the recording answers."""
    began_ms = next(each.began_ms for each in incidents() if (each.recording, each.name) == (_RECORDING, _INCIDENT))
    from_ms = (began_ms - _LEAD_MS) // 1000 * 1000
    to_ms = from_ms + _LENGTH_MS
    first, last, note = map(iso_time.format_seconds, (from_ms, to_ms, from_ms + _LEAD_MS))
    with tempfile.TemporaryDirectory() as folder:
        data_dir = unpacked(_RECORDING, Path(folder))
        flags = [
            "--from",
            first,
            "--to",
            last,
            "--note",
            f"{note}:config-sync restarts again and again",
            "-o",
            str(PACK),
        ]
        if (status := cli.main(["save", str(data_dir), *flags])) != 0:
            return status
        EXPECTED.write_text(json.dumps(anyio.run(_answers, data_dir, from_ms, to_ms), indent=1) + "\n")
    return 0


async def _answers(data_dir: Path, from_ms: int, to_ms: int) -> dict[str, Any]:
    client = await to_thread.run_sync(ApiClient, data_dir, truth(_RECORDING)["ended_ms"] + 2_000)
    await client.ready()
    span = f"from={from_ms}&to={to_ms}"
    listed = (await client.get(f"/api/containers?scope=container&{span}")).json["containers"]
    ids = ",".join([*(each["id"] for each in listed), "node"])
    lines = await client.series(f"/api/timeseries?metric={','.join(METRICS)}&containers={ids}&{span}&raw=1")
    return {
        "from_ms": from_ms,
        "to_ms": to_ms,
        "containers": {each["id"]: f"{each['namespace']}/{each['pod_name']}/{each['name']}" for each in listed},
        "samples": [_sampled(line, from_ms) for line in lines],
        "events": [
            [event["time_ms"], event["kind"], event["name"], event["what"]]
            for event in (await client.get(f"/api/events?containers={ids}&{span}")).json["events"]
        ],
        "findings": [each["text"] for each in (await client.get(f"/api/findings?{span}")).json["findings"]],
        "processes": sorted(
            {each["comm"] for each in (await client.get(f"/api/processes?id=node&{span}&limit=100")).json["processes"]}
        ),
    }


def _sampled(line: dict[str, Any], from_ms: int) -> list[Any]:
    """Return a line's id, metric and number of samples, and every 15th second of it."""
    pairs = dict(zip(line["t_ms"], line["value"], strict=True))
    return [
        line["id"],
        line["metric"],
        len(pairs),
        {str(ms): pairs[ms] for ms in pairs if (ms - from_ms) % _STEP_MS == 0},
    ]


if __name__ == "__main__":
    sys.exit(main())
