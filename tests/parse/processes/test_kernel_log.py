"""The kernel's log names the process that an OOM killer has killed, and its cgroup."""

from pathlib import Path

from fgm.parse.processes.kernel_log import LoggedKill, oom_kills

RECORDED = Path(__file__).parents[2] / "data" / "kmsg-6.18"
POD = "/kubepods/burstable/pod2d89c12c-be0a-4a35-b40f-6c649bdd3fc6"
ID = "d71541444547968bd36559d81fd9d9bcc38b9ae4a9ea19b584aa344715d779f0"


def test_a_kill_on_a_real_host_is_found() -> None:
    records = RECORDED.read_bytes().splitlines(keepends=True)

    assert len(records) > 80
    assert list(oom_kills(records)) == [LoggedKill(f"{POD}/{ID}", 22948, "report", 1024 * (75412 + 3704))]


def test_all_processes_of_a_group_have_its_cgroup() -> None:
    """The texts of mm/oom_kill.c, Linux 6.1, for memory.oom.group: the first one is killed twice."""
    usage = "total-vm:9kB, anon-rss:{}kB, file-rss:0kB, shmem-rss:2kB, UID:0 pgtables:1kB oom_score_adj:0"
    first = f"3,1,1,-;Memory cgroup out of memory: Killed process 7 (a) b) {usage.format(5)}\n"
    texts = [
        "6,1,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/x,task_memcg=/x/y,task=a,pid=7,uid=0\n",
        first,
        "6,1,1,-;Tasks in /x are going to be killed due to memory.oom.group set\n",
        first,
        f"3,1,1,-;Memory cgroup out of memory: Killed process 8 (c\\x09d) {usage.format(1)}\n",
    ]

    assert list(oom_kills(text.encode() for text in texts)) == [
        LoggedKill("/x/y", 7, "a) b", 7 * 1024),
        LoggedKill("/x", 7, "a) b", 7 * 1024),
        LoggedKill("/x", 8, "c\td", 3 * 1024),
    ]


def test_kills_of_kernels_that_log_no_cgroup_and_other_records_are_no_error() -> None:
    """The text of Linux 4.14, and records that only look similar."""
    old = b"3,1,1,-;Killed process 7 (java) total-vm:9kB, anon-rss:5kB, file-rss:0kB, shmem-rss:0kB\n"
    other = [b"", b"\n", b"6,1,1,-;oom-kill:", b"6,1,1,-;Killed process x (y)", b"6,1,1,-;oom_reaper: reaped process 7"]

    assert list(oom_kills([*other, old, *other])) == [LoggedKill("", 7, "java", 5 * 1024)]
