"""The queries in the documents find what fgm finds, in files with all irregularities of recorded files.

`make test-duckdb` runs these tests with each release of DuckDB that the documents name. Examples of readers that are
not installed skip: `make readers` installs some of them; for the others, run `pip install --target FOLDER` with the
versions in docs/reading-elsewhere.md, and then the tests with PYTHONPATH=FOLDER.
"""

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest

from fgm.collector.minutes.hour_minutes import write_hour
from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.metrics.derived import DERIVED
from fgm.metrics.formula_input import Samples
from fgm.metrics.shown import SHOWN
from fgm.store.directory import atomic, layout
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.tables.process_tables import encode as encode_table
from fgm.store.tables.table_rows import LabelledRow, ProcessRow
from tests.support.irregular_samples import HEADER, SERIES, START_MS, irregular, windows

pytestmark = [pytest.mark.dates]

DOCS = Path(__file__).resolve().parent.parent / "docs"
QUERIES = DOCS / "queries.sql"
SQL_OF_DOCUMENTS = [
    (path.name, statement)
    for path in sorted(DOCS.glob("*.md"))
    for statement in re.findall(r"^```sql\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
]
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (DOCS / "reading-elsewhere.md").read_text(), re.MULTILINE | re.DOTALL)
EXAMPLE_IN_JAVASCRIPT = re.findall(
    r"^```js\n(.*?)^```", (DOCS / "reading-elsewhere.md").read_text(), re.MULTILINE | re.DOTALL
)
NODE_MODULES = Path(sys.prefix) / "readers" / "node_modules"
ZONES = ["UTC", "America/New_York", "Pacific/Chatham"]
EVENT = {
    "time": "2025-12-30T16:01:07.000Z",
    "kind": "oom_kill",
    "series": "ab" * 32,
    "what": "OOM kill",
    "before": {"memory.current": 268013568},
    "after": {"killed": 1},
}
LINE = json.dumps(EVENT) + "\n"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Chunk]:
    chunks = {series.key: irregular(series, seed) for seed, series in enumerate(SERIES)}
    folder = tmp_path / "dt=2025-12-30" / "identifier=node-1"
    atomic.make_folder(str(folder))
    for number, chunks_of_window in enumerate(zip(*map(windows, chunks.values()), strict=True)):
        name = layout.metrics_name(START_MS + 90_000 * number)
        atomic.publish(str(folder), name, encode(chunks_of_window, COLUMN_TYPES, HEADER))
    write_minutes(tmp_path / layout.TIERS_FOLDER / "dt=2025-12-30" / "identifier=node-1", folder / name)
    row = ProcessRow(START_MS, "ab" * 32, "payments", None, None, None, 7, START_MS, "app", 1.0, 1.0, 1.0, None)
    atomic.publish(str(folder), layout.table_name("processes", START_MS), encode_table("processes", [row], HEADER))
    names = ("ab" * 32, "payments", None, None, None, "/a")
    values = [LabelledRow(START_MS + t, "container", *names, "io.stat.wbytes", "vda", t) for t in (0, 10_000)]
    atomic.publish(str(folder), layout.table_name("labelled", START_MS), encode_table("labelled", values, HEADER))
    (folder / layout.EVENTS_NAME).write_text(LINE)
    monkeypatch.chdir(tmp_path)
    return chunks


def write_minutes(folder: Path, window: Path) -> None:
    """Write the minutes of a window as those of its hour."""
    atomic.make_folder(str(folder.parent))
    atomic.make_folder(str(folder))
    file = WindowFile.open(str(window))
    with (folder / layout.minutes_name(START_MS, layout.HOUR_MS)).open("wb") as out:
        write_hour(file, None, out, [])
    file.close()


def in_zone(zone: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = '{zone}'")
    return connection


def test_every_derived_metric_equals_what_the_page_shows(data: dict[str, Chunk]) -> None:
    connection = duckdb.connect()
    connection.execute(QUERIES.read_text())
    for key, chunk in data.items():
        samples = Samples(chunk.time_ms, chunk.late_ms, chunk.values, 1000)
        names = ", ".join(metric.name for metric in DERIVED)
        statement = f'SELECT {names} FROM derived WHERE series = ? ORDER BY "time"'
        rows = connection.execute(statement, [key]).fetchnumpy()
        for metric in DERIVED:
            expected = metric.compute(samples)
            assert np.isfinite(expected).any()
            np.testing.assert_allclose(np.ma.filled(rows[metric.name].astype(float), np.nan), expected, rtol=1e-9)


def test_files_without_effective_limits_have_the_own_ones(data: dict[str, Chunk]) -> None:
    """Those before format version 3."""
    columns = {name: kind for name, kind in COLUMN_TYPES.items() if not name.startswith("effective_")}
    for path in Path().rglob("metrics-*.parquet"):
        path.unlink()
    folder = next(Path().rglob(layout.EVENTS_NAME)).parent
    atomic.publish(str(folder), layout.metrics_name(START_MS), encode(list(data.values()), columns, HEADER))
    connection = duckdb.connect()
    connection.execute(QUERIES.read_text())
    for key, chunk in data.items():
        own = {name: chunk.values[name] for name in columns}
        samples = Samples(chunk.time_ms, chunk.late_ms, own, 1000)
        rows = connection.execute(
            'SELECT memory_limit_bytes, memory_headroom FROM derived WHERE series = ? ORDER BY "time"', [key]
        ).fetchnumpy()
        for name, values in rows.items():
            expected = SHOWN[name].compute(samples)
            assert np.isfinite(expected).any()
            np.testing.assert_allclose(np.ma.filled(values.astype(float), np.nan), expected, rtol=1e-9)


@pytest.mark.parametrize("zone", ZONES)
def test_derived_between_has_the_same_rows_as_derived(data: dict[str, Chunk], zone: str) -> None:
    """Its times without a zone are in UTC, and the first rates are there."""
    connection = in_zone(zone)
    connection.execute(QUERIES.read_text())
    names = ", ".join(["epoch_ms(time)", "series", *(metric.name for metric in DERIVED)])
    part = f"SELECT {names} FROM derived_between('2025-12-30 16:01', '2025-12-30 16:02:03') ORDER BY series, time"
    all_of_it = f"""SELECT {names} FROM derived WHERE time >= TIMESTAMPTZ '2025-12-30 16:01:00Z'
                    AND time <= TIMESTAMPTZ '2025-12-30 16:02:03Z' ORDER BY series, time"""

    rows = connection.execute(part).fetchall()
    assert rows == connection.execute(all_of_it).fetchall()
    seconds = (data["node"].time_ms - START_MS) // 1000
    assert len(rows) == len(data) * int(((seconds >= 60) & (seconds <= 123)).sum())
    first = [value for time_ms, _, *values in rows if time_ms == START_MS + 60_000 for value in values]
    assert first.count(None) < len(first) / 2


def test_derived_between_does_not_read_files_of_other_times(data: dict[str, Chunk]) -> None:
    """Only the footer of the file before is intact, so that reading any of its columns fails."""
    path = next(Path().rglob(layout.metrics_name(START_MS)))
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 3] = bytes(len(content) // 3 - 4)
    path.write_bytes(content)
    connection = duckdb.connect()
    connection.execute(QUERIES.read_text())

    between = """SELECT count(*), count(total_cpu_usage_millicores)
                 FROM derived_between('2025-12-30 16:02', '2025-12-30 16:03')"""
    rows, rates = connection.execute(between).fetchone() or (0, 0)
    assert (rows, rates > 0) == (61 * len(data), True)
    with pytest.raises(duckdb.Error):
        connection.execute(between.replace("16:02", "16:00")).fetchall()


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("content", "events"),
    [
        ("", 0),
        (LINE, 1),
        (LINE + LINE[:70], 1),
        (LINE[:70], 0),
        (LINE + LINE.replace("OOM kill", "ü").partition("ü")[0] + "\udcc3", 1),
        (LINE[:70] + "\n" + LINE, 1),
        (LINE + "\0" * 4096 + "\n" + LINE, 2),
        (LINE + LINE.replace('"after": {"killed": 1}', '"after": {"reason": "OOMKilled", "exit_code": 137}'), 2),
        (LINE.replace('"before": {"memory.current": 268013568}', '"before": {}'), 1),
    ],
    ids=[
        "empty",
        "one",
        "torn",
        "only torn",
        "torn within a letter",
        "torn and another",
        "NULs",
        "other keys",
        "no keys",
    ],
)
def test_events_are_joined_with_samples(content: str, events: int, zone: str) -> None:
    next(Path().rglob(layout.EVENTS_NAME)).write_text(content, errors="surrogateescape")
    (statement,) = [statement for _, statement in SQL_OF_DOCUMENTS if "read_json" in statement]
    documented = statement.replace("DATA/", "").rstrip().rstrip(";")

    connection = duckdb.connect()
    connection.execute(QUERIES.read_text())
    connection.execute(f"SET TimeZone = '{zone}'")
    found = connection.execute(
        f"""SELECT epoch_ms(e.time), kind, container_name
            FROM ({documented}) e JOIN samples s ON e.series = s.series AND e.time = s.time"""
    )
    assert found.fetchall() == [(START_MS + 67_000, "oom_kill", "payments")] * events
    assert [row[:2] for row in connection.execute(f"DESCRIBE {documented}").fetchall()] == [
        ("time", "TIMESTAMP WITH TIME ZONE"),
        ("kind", "VARCHAR"),
        ("series", "VARCHAR"),
        ("what", "VARCHAR"),
    ]


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(("document", "statement"), SQL_OF_DOCUMENTS, ids=range(len(SQL_OF_DOCUMENTS)))
def test_each_documented_statement_runs(document: str, statement: str) -> None:
    """With fetchnumpy, as fetchall needs pytz for times before DuckDB 2.0."""
    connection = duckdb.connect()
    connection.execute(QUERIES.read_text())
    assert connection.execute(statement.replace("DATA/", "")).fetchnumpy(), document


def imported(example: str) -> Iterator[str]:
    """Yield the packages that an example imports, without those of Python."""
    for node in ast.walk(ast.parse(example)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        packages = [name.split(".")[0] for name in names]
        yield from (package for package in packages if package not in sys.stdlib_module_names)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("example", EXAMPLES, ids=["+".join(imported(example)) for example in EXAMPLES])
def test_each_example_prints_the_number_of_rows(data: dict[str, Chunk], example: str) -> None:
    for package in imported(example):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", example.replace("DATA", str(Path.cwd()))], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    since_ms = START_MS + 60_000
    assert int(done.stdout) == sum(int((chunk.time_ms >= since_ms).sum()) for chunk in data.values())


def test_the_example_in_javascript_reads_a_file(data: dict[str, Chunk], tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not NODE_MODULES.exists():
        pytest.skip("node or hyparquet is not installed: make readers")
    (example,) = EXAMPLE_IN_JAVASCRIPT
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    script = tmp_path / "example.mjs"
    path = next(Path().rglob(layout.metrics_name(START_MS)))
    script.write_text(example.replace(path.name, str(path)) + "console.log(rows.length, rows[0].time.getTime());")
    done = subprocess.run([node, script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(sum(len(windows(chunk)[0].time_ms) for chunk in data.values())), str(START_MS)]
