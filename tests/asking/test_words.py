"""A ranking as text."""

from datetime import UTC, timedelta, timezone

from fgm.asking.health import Health
from fgm.asking.minute import Event, Finding, MinuteQuestion, NodeAnswer, User
from fgm.asking.ranking import Failure, rank
from fgm.asking.words import amount, percent, report

FROM_MS = 1_767_110_400_000
CPU = "total_cpu_usage_millicores"
QUESTION = MinuteQuestion(FROM_MS, FROM_MS + 60_000, FROM_MS, "shop", "pay")
UTC_TEXT = "2025-12-30 16:00:00 to 16:01:00 UTC"
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

    assert lines(answer, failures=(Failure("node/worker-2", "no answer within 3 s"),)) == [
        f"2025-12-30 16:00:00 to 16:01:00 UTC{WHOSE}: 1 of 2 nodes answered",
        "  worker-2: no answer within 3 s",
        "",
        "What stood out",
        " 1. worker-1: pay: CPU burst. (shop/pay-1, strength 9)",
        "      open node/worker-1",
        " 2. worker-1: pay: CPU burst. (shop/pay-1, strength 9)",
        "",
        "Events",
        "  16:00:01  worker-1  pay: killed",
        "  and 1 start",
        "",
        "Most CPU, in millicores",
        "   mean  highest  of node  name",
        "  1,250    3,000     30 %  pay (shop/pay-1)",
        "",
        "What is missing",
        "  worker-1: 2 files cannot be read",
    ]


def test_nothing_is_said_to_be_nothing_and_many_nodes_are_counted() -> None:
    users = {CPU: (User("x", "pay", None, None, 1.0, 1.0, 0.0),)}
    answers = [
        NodeAnswer(f"node/{number:02}", HEALTH, users=users, units={CPU: "millicores"}, missing=("old",))
        for number in range(10)
    ]
    text = lines(*answers)

    assert text[0].endswith(": all 10 nodes answered")
    assert "Nothing stood out." in text
    assert "  00, 01, 02, 03, 04, 05, 06, 07 and 2 more: old" in text
    assert text[-2:] == ["To open the page there", "  open node/NODE"]


def test_nodes_that_do_not_answer_for_the_same_reason_share_a_line() -> None:
    failures = tuple(Failure(f"node/{name}", reason) for name, reason in (("a", "hung"), ("b", "old"), ("c", "hung")))

    assert lines(failures=failures)[1:] == ["  a, c: hung", "  b: old"]


def test_lines_fit_into_a_terminal_but_commands_stay_whole() -> None:
    finding = Finding("burst", "x", "pay", "pay-1", "shop", CPU, FROM_MS, FROM_MS, 9.0, 0.5, "used more. " * 12)
    user = User("x", "pay", "pay-" + "1" * 40, "shop", 1250.4, 3000.0, 0.3)
    answer = NodeAnswer(f"node/{'w' * 90}", HEALTH, (finding,), (), {CPU: (user,)}, {CPU: "millicores"})
    short = NodeAnswer("node/b", HEALTH, (finding,))
    text = list(report(rank(QUESTION, (short,), ()), link, UTC, 80))

    assert all(len(line) <= 80 for line in text)
    assert text[3].startswith(" 1. b: used more. ")
    assert text[4].startswith("    more. used more. ")
    long = list(report(rank(QUESTION, (answer,), ()), link, UTC, 80))
    assert f"      open node/{'w' * 90}" in long
    assert long[-2:] == ["  1,250    3,000     30 %  pay", "                           (shop/pay-" + "1" * 40 + ")"]


def test_without_data_nothing_is_said_to_be_calm() -> None:
    assert "It is not known what happened: see what is missing." in lines(NodeAnswer("/a", HEALTH, missing=("old",)))
    assert lines(failures=(Failure("/a", "hung"),)) == [f"{UTC_TEXT}{WHOSE}: /a", "  /a: hung"]


def test_local_time_is_added_where_it_differs() -> None:
    (first, *_) = report(rank(QUESTION, [NodeAnswer("/a", HEALTH)], ()), link, timezone(timedelta(hours=1), "CET"))

    assert first == f"{UTC_TEXT} (2025-12-30 17:00:00 CET){WHOSE}: /a (node a)"


def test_sources_whose_nodes_have_the_same_name_are_told_apart() -> None:
    text = lines(NodeAnswer("/a", HEALTH, missing=("old",)), NodeAnswer("/b", HEALTH, missing=("old",)))

    assert "  a (/a), a (/b): old" in text


def test_events_that_are_not_listed_are_counted_in_words() -> None:
    events = tuple(Event(FROM_MS, kind, "x", "pay", "") for kind in ("start", "exit", "start"))

    assert "Events: 1 exit, 2 starts" in lines(NodeAnswer("/a", HEALTH, events=events))


def test_shares_of_the_node_that_are_small_are_not_0() -> None:
    assert [percent(share) for share in (0.0, 0.0001, 0.024, 0.35)] == ["0 %", "< 0.1 %", "2.4 %", "35 %"]


def test_names_cannot_control_the_terminal() -> None:
    assert lines(failures=(Failure("node/a", "\x1b[2J\ud800"),))[1] == "  a: ?[2J?"


def test_amounts_have_units() -> None:
    assert [amount(value, unit) for value, unit in ((512, "bytes"), (3 << 20, "bytes/s"), (0.25, "ratio"))] == [
        "512 B",
        "3.0 MiB/s",
        "0.2 ratio",
    ]
