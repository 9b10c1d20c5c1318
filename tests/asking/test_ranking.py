"""One ranked list from the answers of several nodes."""

from dataclasses import replace

from fgm.asking.health import Health
from fgm.asking.minute import Event, Finding, MinuteQuestion, NodeAnswer, User
from fgm.asking.ranking import Failure, rank

QUESTION = MinuteQuestion(0, 60_000, 0)
CPU = "total_cpu_usage_millicores"


def finding(name: str, strength: float, *, share: float | None = 0.0, kind: str = "burst") -> Finding:
    return Finding(kind, name, name, None, None, CPU, 1000, 2000, strength, share, f"{name} did it")


def answer(node: str, *findings: Finding, events: tuple[Event, ...] = (), users: tuple[User, ...] = ()) -> NodeAnswer:
    health = Health(node, "0", 0, 60_000, 60_000, 1000)
    return NodeAnswer(f"node/{node}", health, findings, events, {CPU: users}, {CPU: "millicores"})


def test_findings_of_all_nodes_are_one_list_by_strength_and_share() -> None:
    a = answer("a", finding("strong", 9.0), finding("weak", 4.5))
    b = answer("b", finding("large", 9.0, share=0.5), finding("middle", 8.0, share=0.04))

    ranking = rank(QUESTION, [a, b])

    assert [(each.answer.health.node, each.item.name) for each in ranking.findings] == [
        ("b", "large"),
        ("b", "middle"),
        ("a", "strong"),
        ("a", "weak"),
    ]


def test_a_container_that_failed_counts_fully_however_small_it_is() -> None:
    killed = finding("killed", 9.0, kind="oom_kill")

    ranking = rank(QUESTION, [answer("a", finding("large", 9.0, share=0.5)), answer("b", killed)])

    assert ranking.findings[0].item is killed


def test_findings_of_an_older_viewer_without_a_share_are_ranked_by_strength() -> None:
    old = [finding("first", 9.0, share=None), finding("second", 5.0, share=None)]

    assert [each.item.name for each in rank(QUESTION, [answer("a", *old)]).findings] == ["first", "second"]


def test_starts_and_exits_are_counted_and_other_events_are_listed_in_time() -> None:
    events = [
        Event(time_ms, kind, "x", "x", "") for time_ms, kind in ((3000, "oom_kill"), (2000, "start"), (1000, "gap"))
    ]

    ranking = rank(QUESTION, [answer("a", events=tuple(events)), answer("b", events=(replace(events[1], time_ms=5),))])

    assert [each.item.kind for each in ranking.events] == ["gap", "oom_kill"]
    assert ranking.counted == {"start": 2}


def test_a_node_with_many_events_does_not_hide_those_of_others() -> None:
    many = tuple(Event(time_ms, "oom_kill", "a", "a", "killed") for time_ms in range(50))
    few = (Event(40, "throttle", "b", "b", "throttled"),)

    ranking = rank(QUESTION, [answer("a", events=many), answer("b", events=few)], max_events=5)

    assert [(each.answer.source, each.item.time_ms) for each in ranking.events] == [
        ("node/a", 0),
        ("node/a", 1),
        ("node/a", 2),
        ("node/a", 3),
        ("node/b", 40),
    ]
    assert ranking.counted == {"oom_kill": 46}


def test_users_of_all_nodes_are_one_list_and_what_is_cut_is_counted() -> None:
    users = tuple(User(f"{mean}", f"{mean}", None, None, mean, mean, None) for mean in (900.0, 10.0, 0.0))
    findings = [finding(f"{number}", 5.0) for number in range(4)]

    ranking = rank(
        QUESTION, [answer("a", *findings, users=users[1:2]), answer("b", users=users)], max_findings=3, max_users=2
    )

    assert [(each.answer.health.node, each.item.mean) for each in ranking.users[CPU]] == [("b", 900.0), ("a", 10.0)]
    assert (len(ranking.findings), ranking.found) == (3, 4)


def test_failures_are_sorted_by_name() -> None:
    failures = [Failure("node/b", "hung"), Failure("node/a", "refused")]

    assert [failure.source for failure in rank(QUESTION, [], failures).failures] == ["node/a", "node/b"]
