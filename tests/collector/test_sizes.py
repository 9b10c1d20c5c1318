"""Amounts of bytes as Kubernetes writes them, read and written."""

import pytest

from fgm.collector.sizes import FreeSpace, free_space, size_bytes, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [("500000000", 500_000_000), ("500M", 500_000_000), ("4Gi", 4 << 30), ("1.5 GiB", 3 << 29), ("2B", 2)],
)
def test_an_amount_is_read_with_or_without_a_unit(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "Gi", "4Qi", "-1", "1e3", "4 i", "9" * 400, "9" * 400 + "Ti"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount of bytes"):
        size_bytes(text)


@pytest.mark.parametrize(
    ("size", "text"), [(4 << 30, "4Gi"), (1 << 50, "1024Ti"), (1536 << 20, "1536Mi"), (1000, "1000"), (0, "0")]
)
def test_an_amount_is_written_without_a_fraction_and_read_back(size: int, text: str) -> None:
    assert size_text(size) == text
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["15%,2Gi", "5%", "0.5%", "2Gi", "0"])
def test_free_space_is_written_as_it_is_read(text: str) -> None:
    assert str(free_space(text)) == text


def test_an_amount_counts_for_at_most_half_of_a_small_file_system() -> None:
    assert FreeSpace(0.1, 2 << 30).of(1 << 30) == 1 << 29
    assert FreeSpace(0.1, 2 << 30).of(100 << 30) == 10 << 30
