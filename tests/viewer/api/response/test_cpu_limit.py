"""The CPU limit of the own cgroup, as both versions of cgroups say it."""

from pathlib import Path

import pytest

from fgm.viewer.api.response.cpu_limit import own_cpu_limit


@pytest.mark.parametrize(("content", "limit"), [("10000 100000", 0.1), ("max 100000", None), ("250000 100000", 2.5)])
def test_the_limit_of_cgroup_v2(tmp_path: Path, content: str, limit: float | None) -> None:
    (tmp_path / "cgroup").write_text("0::/a/b\n")
    folder = tmp_path / "fs" / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "cpu.max").write_text(content + "\n")

    assert own_cpu_limit(str(tmp_path / "cgroup"), str(tmp_path / "fs")) == limit


@pytest.mark.parametrize(("quota", "limit"), [("10000", 0.1), ("-1", None)])
def test_the_limit_of_cgroup_v1(tmp_path: Path, quota: str, limit: float | None) -> None:
    (tmp_path / "cgroup").write_text("4:memory:/a\n2:cpu,cpuacct:/a\n1:name=systemd:/a\n")
    folder = tmp_path / "fs" / "cpu,cpuacct" / "a"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text(quota)
    (folder / "cpu.cfs_period_us").write_text("100000")

    assert own_cpu_limit(str(tmp_path / "cgroup"), str(tmp_path / "fs")) == limit


def test_without_cgroups_there_is_no_limit(tmp_path: Path) -> None:
    assert own_cpu_limit(str(tmp_path / "none"), str(tmp_path)) is None
    (tmp_path / "cgroup").write_text("0::/a\n")
    assert own_cpu_limit(str(tmp_path / "cgroup"), str(tmp_path)) is None
