"""A ranking as text."""

from datetime import UTC

from fgm.asking.minute import Event, Finding, Health, MinuteQuestion, NodeAnswer, User
from fgm.asking.ranking import Failure, rank
from fgm.asking.words import amount, report

FROM_MS = 1_767_110_400_000
CPU = "total_cpu_usage_millicores"
QUESTION = MinuteQuestion(FROM_MS, FROM_MS + 60_000, FROM_MS, "shop", "pay")
WHOSE = ", namespace shop, pod pay"
HEALTH = Health("a", "0", 0, FROM_MS, FROM_MS, 1000)


def link(answer: NodeAnswer) -> str:
    return f"open {answer.source}"


def lines(*answers: NodeAnswer, failures: tuple[Failure, ...] = ()) -> list[str]:
    return list(report(rank(QUESTION, answers, failures), link, UTC))


def test_it_says_who_was_asked_what_stood_out_where_to_look_and_what_is_missing() -> None:
    finding = Finding("burst", "x", "pay", "pay-1", "shop", CPU, FROM_MS, FROM_MS, 9.0, 0.5, "pay: CPU burst.")
    answer = NodeAnswer(
        "node/worker-1",
        HEALTH,
        (finding, finding),
        (Event(FROM_MS + 1000, "oom_kill", "x", "pay", "killed"), Event(FROM_MS, "start", "x", "pay", "started")),
        {CPU: (User("x", "pay", "pay-1", "shop", 1250.4, 3000.0, 0.3),)},
        {CPU: "millicores"},
        ("2 files cannot be read",),
    )

    assert lines(answer, failures=(Failure("node/worker-2", "no answer within 4 s"),)) == [
        f"2025-12-30 16:00:00 to 16:01:00 UTC (2025-12-30 16:00:00 UTC){WHOSE}: 1 of 2 sources answered",
        "no answer from node/worker-2: no answer within 4 s",
        "",
        "What stood out",
        " 1. worker-1: pay: CPU burst. (shop/pay-1, strength 9)",
        "      open node/worker-1",
        " 2. worker-1: pay: CPU burst. (shop/pay-1, strength 9)",
        "",
        "Events (and 1 start)",
        "  16:00:01  worker-1  pay: killed",
        "",
        "Most CPU (mean of the minute, highest second)",
        "  1,250 millicores 3,000 millicores  worker-1: pay (shop/pay-1), 30% of the node",
        "",
        "What is missing",
        "  worker-1: 2 files cannot be read",
    ]


def test_nothing_is_said_to_be_nothing_and_many_nodes_are_counted() -> None:
    answers = [NodeAnswer(f"node/{number:02}", HEALTH, missing=("old",)) for number in range(10)]
    text = lines(*answers)

    assert "Nothing stood out." in text
    assert text[-1] == "  00, 01, 02, 03, 04, 05, 06, 07 and 2 more: old"


def test_names_cannot_control_the_terminal() -> None:
    assert lines(failures=(Failure("node/a", "\x1b[2J"),))[1] == "no answer from node/a: ?[2J"


def test_amounts_have_units() -> None:
    assert [amount(value, unit) for value, unit in ((512, "bytes"), (3 << 20, "bytes/s"), (0.25, "ratio"))] == [
        "512 B",
        "3.0 MiB/s",
        "0.2 ratio",
    ]
