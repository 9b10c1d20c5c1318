"""Names in the fragment of the URL of a view."""

import pytest

from fgm.store.samples.series import Series
from fgm.viewer.packs.redaction.redaction import Redaction
from fgm.viewer.packs.redaction.rules import parse
from fgm.viewer.packs.redaction.secrets import Recorded
from fgm.viewer.packs.redaction.view import redacted_view

ID = "7baf0253411a045a45df73c5eb256cc9b6f8869f90f1141f8ac47154660cc725"
UID = "135b7dc5-c9bf-47fa-a66a-06bf14367eb9"
SERIES = Series("container", ID, "checkout", "checkout-0", "payments", UID, cgroup=f"/kubepods/pod{UID}/{ID}")
SERVICE = Series("cgroup", cgroup="/system.slice/billing.service")
OTHER = "000000000001"


def view(text: str, *rules: str) -> str:
    return redacted_view(text, Redaction(parse(rules), Recorded([SERIES, SERVICE], node_names=["worker-3"])))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"#show={ID[:12]},node&at=2025-12-30T14:20:00Z", f"#show={OTHER},node&at=2025-12-30T14:20:00Z"),
        (f"open=pod:{UID}&row=payments/checkout-0/checkout", "open=pod:00000001-0000-4000-8000-000000000000"),
        ("show=0123456789ab&colours=1", "show=unknown&colours=1"),
        (f"finding=leak,{ID[:12]},2025-12-30T14:20:00Z", f"finding=leak,{OTHER},2025-12-30T14:20:00Z"),
        ("show=cgroup:/system.slice/billing.service", "show=cgroup:/system.slice/group-1.service"),
        ("show=cgroup:/system.slice/gone.service", "show=cgroup:/system.slice/group-2.service"),
        ("notes=14:20Z:Checkout%20up;x:%E2%82%AC%3B", "notes=14:20Z:ctr-1%20up;x:%E2%82%AC%3B"),
        ("notes=x:payments%2525checkout", "notes=x:ns-1%2525ctr-1"),
        ("notes=x:100%25%20of%20%2C", "notes=x:100%25%20of%20%2C"),
        ("lanes=checkout", "lanes=checkout"),  # names of metrics, which the page checks
        ("", ""),
        ("&&=&%zz=%", "&&=&%zz=%"),
    ],
)  # fmt: skip
def test_names_in_a_view_become_others(before: str, after: str) -> None:
    assert view(before, "all") == after


def test_without_rules_a_view_stays() -> None:
    text = f"#show={ID[:12]}&row=payments/checkout-0/checkout&notes=x:checkout"
    assert view(text) == text


def test_ids_stay_if_only_the_node_is_left_out() -> None:
    assert (
        view(f"show={ID[:12]},0123456789ab&notes=x:worker-3", "node") == f"show={ID[:12]},0123456789ab&notes=x:node-1"
    )
