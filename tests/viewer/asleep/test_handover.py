"""What a viewer and a sleeper pass to each other, through real processes."""

import os

from fgm.listening import listen
from fgm.viewer.asleep.handover import VARIABLE, Plan, Woken, take


def test_a_plan_is_the_same_after_it_was_a_command_line() -> None:
    plan = Plan(
        3,
        None,
        log_level="info",
        log_form="json",
        beat_check_s=15.0,
        retry_s=0.5,
        paths=["/data", "--odd name"],
        command=["/usr/bin/python3", "-m", "fgm.viewer", "/data"],
    )

    assert vars(Plan.parse(plan.arguments())) == vars(plan)


def test_a_viewer_takes_what_it_inherits_and_its_children_do_not() -> None:
    with listen("127.0.0.1", 0) as sock, listen("127.0.0.1", 0) as control:
        fds = (sock.fileno(), control.fileno())
        for fd in fds:
            os.set_inheritable(fd, True)  # noqa: FBT003 - the standard library's own parameter
        environment = {"HOME": "/", VARIABLE: Woken(*fds, 12.5).variable()}
        woken = take(environment)

        assert woken is not None
        assert (woken.listening_fd, woken.control_fd, woken.since_s) == (*fds, 12.5)
        assert environment == {"HOME": "/"}
        assert [os.get_inheritable(fd) for fd in fds] == [False, False]
        assert take(environment) is None
