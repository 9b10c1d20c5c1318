"""The size of the data, counted without listing the folders of past days again."""

from pathlib import Path

from fgm.collector.retention.inventory import Inventory
from tests.support.collector.windows import record_and_close, tick


def allocated(path: Path) -> int:
    return max(path.stat().st_size, path.stat().st_blocks * 512)


def test_past_days_are_counted_once(tmp_path: Path) -> None:
    record_and_close(tmp_path, *(tick(90 * i) for i in range(3)))
    files = sorted(tmp_path.glob("dt=*/*/metrics-*"))
    inventory, later_ns = Inventory(str(tmp_path)), files[0].parent.stat().st_mtime_ns + 10**10
    total = inventory.count(later_ns).raw_bytes
    assert total == sum(map(allocated, files))

    with files[0].open("ab") as file:  # a closed file never grows, so this is not noticed
        file.write(bytes(1 << 20))
    assert inventory.count(later_ns).raw_bytes == total
    files[1].unlink()
    assert inventory.count(later_ns + 10**10).raw_bytes == sum(map(allocated, (files[0], files[2])))


def test_stores_are_counted_separately_and_merges_that_are_not_published_do_not_count(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0))
    (window,) = tmp_path.glob("dt=*/*/metrics-*")
    tiers = tmp_path / "tiers" / window.parent.relative_to(tmp_path)
    tiers.mkdir(parents=True)
    events, minutes = window.with_name("events.jsonl"), tiers / "minutes-20251230T160000Z--PT1H.parquet"
    events.write_bytes(b"{}\n")
    minutes.write_bytes(bytes(5000))
    for path in (window.with_name("metrics-20251230T160000Z--PT1H.parquet.tmp"), tiers / f"{minutes.name}.tmp"):
        path.write_bytes(bytes(9000))
    sizes = Inventory(str(tmp_path)).count(window.parent.stat().st_mtime_ns + 10**10)

    assert sizes.raw_bytes == allocated(window)
    assert sizes.tiers_bytes == allocated(events) + allocated(minutes)


def test_a_folder_of_another_writer_is_found_in_a_day_that_was_counted_before(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0))
    (window,) = tmp_path.glob("dt=*/*/metrics-*")
    inventory, later_ns = Inventory(str(tmp_path)), window.parent.stat().st_mtime_ns + 10**10
    inventory.count(later_ns)
    other = window.parent.with_name("identifier=other")
    other.mkdir()
    (other / window.name).write_bytes(bytes(5000))

    assert inventory.count(later_ns).raw_bytes == allocated(window) + allocated(other / window.name)
    assert [file.path for file in inventory.oldest_first("raw")] == [
        str(path.relative_to(tmp_path)) for path in (other / window.name, window)
    ]
    assert list(inventory.oldest_first("tiers")) == []
