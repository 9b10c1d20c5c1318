"""Kubernetes quantities."""

import pytest

from fgm.collector.kubernetes.quantity import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100m", 0.1),
        ("2", 2),
        ("1.5", 1.5),
        (".5", 0.5),
        ("128Mi", 128 << 20),
        ("1Gi", 1 << 30),
        ("1G", 1e9),
        ("129e6", 129e6),
        ("1E3", 1000),
        ("2E", 2e18),
        ("100k", 100_000),
        ("500000u", 0.5),
        (2, 2),
    ],
)
def test_a_quantity_is_a_number(text: str | int, number: float) -> None:
    assert quantity(text) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "1gi", "1Kib", "nan", "1e999", "9" * 99, None, [], "\u0661"])
def test_a_malformed_quantity_is_none(text: object) -> None:
    assert quantity(text) is None
