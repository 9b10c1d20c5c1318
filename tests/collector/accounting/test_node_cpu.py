"""The node's CPU time follows the idle time, which the kernel measures, and never decreases."""

import time
from pathlib import Path

import pytest

from fgm.collector.accounting.node_cpu import NodeCpu


def stat(*, user: int = 0, idle: int = 0, iowait: int = 0, steal: int = 0, cpus: int = 2) -> bytes:
    lines = [f"cpu  {user} 0 0 {idle} {iowait} 0 0 {steal} 0 0", *(f"cpu{i} 0 0 0 0 0 0 0 0 0 0" for i in range(cpus))]
    return "\n".join([*lines, "intr 1 2 3", "cpu99 is no processor here", ""]).encode()


def usage_ms(cpu: NodeCpu, text: bytes, at_s: float) -> float | None:
    cpu.parse(text)
    usage_usec = cpu.usage_usec(at_s)
    return None if usage_usec is None else usage_usec / 1000


def test_usage_is_the_time_in_which_processors_were_not_idle_waiting_or_stolen() -> None:
    cpu = NodeCpu(100)

    assert usage_ms(cpu, stat(user=30, idle=1600, iowait=200), 10.0) == 2000
    # Of 2 s of two processors, 1.7 s were idle. The kernel has seen only 0.1 s of work in its samples.
    assert usage_ms(cpu, stat(user=40, idle=1740, iowait=220, steal=10), 11.0) == pytest.approx(2300)


def test_usage_never_decreases_and_rounding_does_not_add_up() -> None:
    cpu = NodeCpu(100)
    first = usage_ms(cpu, stat(idle=1000), 10.0)

    assert usage_ms(cpu, stat(idle=1201), 11.0) == first == 10_000
    assert usage_ms(cpu, stat(idle=1400), 12.0) == first
    assert usage_ms(cpu, stat(idle=1599), 13.0) == pytest.approx(10_010)


def test_when_processors_come_or_go_the_estimate_of_the_kernel_is_added() -> None:
    cpu = NodeCpu(100)
    usage_ms(cpu, stat(user=1000, idle=1000), 10.0)

    assert usage_ms(cpu, stat(user=1030, idle=1100, cpus=1), 11.0) == pytest.approx(10_300)
    assert usage_ms(cpu, stat(user=1040, idle=1150, cpus=1), 12.0) == pytest.approx(10_800)


def test_a_clock_that_does_not_fit_leaves_the_estimate_of_the_kernel() -> None:
    cpu = NodeCpu(100)

    assert usage_ms(cpu, stat(user=700, idle=1000), 0.0) == 7000
    assert usage_ms(cpu, stat(user=720, idle=1180), 0.0) == 7200


def test_without_a_new_text_there_is_no_usage() -> None:
    cpu = NodeCpu(100)

    assert cpu.usage_usec(1.0) is None
    assert usage_ms(cpu, stat(), 10.0) is not None
    assert cpu.usage_usec(11.0) is None


def test_the_usage_of_this_machine_is_between_none_and_all_processors() -> None:
    cpu = NodeCpu(100)
    text = Path("/proc/stat").read_bytes()
    at_s = time.monotonic()
    busy_usec = cpu.parse(text)[0]
    usage_usec = cpu.usage_usec(at_s)

    assert usage_usec is not None
    assert 0.7 * busy_usec < usage_usec
