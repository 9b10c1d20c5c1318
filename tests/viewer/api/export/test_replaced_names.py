"""A preview shows some names of each kind that is replaced, also if there are many of one kind."""

from collections import Counter

from fgm.viewer.api.export.replaced_names import MAX_SHOWN, some_replaced_names
from fgm.viewer.packs.redaction.redaction import Redaction
from fgm.viewer.packs.redaction.rules import parse
from fgm.viewer.packs.redaction.secrets import Recorded


def names(processes: int, devices: int) -> Redaction:
    recorded = Recorded(
        node_names=["worker-1"],
        processes=[f"process-{i:03}" for i in range(processes)],
        devices=[f"device-{i:03}" for i in range(devices)],
    )
    return Redaction(parse(["all"]), recorded)


def test_all_are_shown_if_there_are_few() -> None:
    shown = some_replaced_names(names(3, 2))
    assert [(each["kind"], each["from"]) for each in shown] == [
        ("node", "worker-1"),
        *[("process", f"process-{i:03}") for i in range(3)],
        *[("device", f"device-{i:03}") for i in range(2)],
    ]
    assert all(each["to"] and each["to"] != each["from"] for each in shown)


def test_each_kind_has_its_share_if_there_are_many() -> None:
    shown = some_replaced_names(names(200, 10))
    assert len(shown) == MAX_SHOWN
    assert Counter(each["kind"] for each in shown) == {"node": 1, "process": MAX_SHOWN - 11, "device": 10}
    assert [each["from"] for each in shown] == sorted(
        (each["from"] for each in shown), key=lambda name: (name[0] != "w", name[0] == "d", name)
    )
