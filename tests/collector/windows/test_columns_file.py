"""The file columns.json."""

import json
from pathlib import Path

import pytest

from fgm.collector.windows import columns_file
from fgm.metrics.catalogue import COLUMNS
from fgm.store.check.directory_check import check


def read(folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    versions: dict[str, dict[str, dict[str, object]]] = json.loads((folder / "columns.json").read_text())[
        "format_versions"
    ]
    return versions


def test_it_has_type_unit_kind_and_interval_of_each_column(tmp_path: Path) -> None:
    columns_file.publish(str(tmp_path), 500)

    facts = read(tmp_path)["4"]
    assert list(facts) == ["late_us", *COLUMNS]
    assert facts["memory.current"] == {"type": "integer", "unit": "bytes", "kind": "gauge", "interval_s": 0.5}
    assert facts["memory.max"]["interval_s"] == 10
    assert facts["smaps_rollup.age_s"]["type"] == "number"
    assert check(str(tmp_path)).problems == []


def test_it_is_only_written_if_it_differs_and_keeps_other_versions(tmp_path: Path) -> None:
    path = tmp_path / "columns.json"
    columns_file.publish(str(tmp_path), 1000)
    first = path.stat().st_ino
    columns_file.publish(str(tmp_path), 1000)
    assert path.stat().st_ino == first

    content = json.loads(path.read_text())
    content["format_versions"]["5"] = {"later": {}}
    path.write_text(json.dumps(content))
    columns_file.publish(str(tmp_path), 2000)
    assert read(tmp_path)["5"] == {"later": {}}
    assert read(tmp_path)["4"]["memory.current"]["interval_s"] == 2


@pytest.mark.parametrize("content", ["", "[]", '{"format_versions": []}', "{"])
def test_a_damaged_one_is_written_again(tmp_path: Path, content: str) -> None:
    (tmp_path / "columns.json").write_text(content)
    columns_file.publish(str(tmp_path), 1000)
    assert list(read(tmp_path)) == ["4"]
