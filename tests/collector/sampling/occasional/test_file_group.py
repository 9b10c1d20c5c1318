"""Files that are read together: their values are added up, and a failed file leaves its metrics out."""

from pathlib import Path

from fgm.collector.sampling.occasional.file_group import FileGroup
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.parse.network.protocols import snmp, snmp6

SNMP = "Tcp: InSegs OutSegs\nTcp: 1 2\nUdp: InErrors\nUdp: {}\n"


def group(folder: Path, counts: ReadCounts) -> FileGroup:
    return FileGroup(((f"{folder}/snmp", snmp), (f"{folder}/snmp6", snmp6), (f"{folder}/none", snmp)), counts)


def test_values_with_one_metric_are_added_up_and_an_absent_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "snmp").write_text(SNMP.format(3))
    (tmp_path / "snmp6").write_text("Ip6InReceives 9\nUdp6InErrors 4\n")
    counts = ReadCounts()
    files = group(tmp_path, counts)
    assert list(files.paths) == [f"{tmp_path}/snmp", f"{tmp_path}/snmp6"]
    assert files.read() == {"tcp.in_segs": 1, "tcp.out_segs": 2, "udp.in_errors": 7}

    unchanged = files.read()
    (tmp_path / "snmp").write_text(SNMP.format(5))
    assert (unchanged["udp.in_errors"], files.read()["udp.in_errors"]) == (7, 9)
    assert counts.failed == {}
    files.close()


def test_a_sum_without_one_of_its_files_is_left_out_until_it_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "snmp").write_text(SNMP.format(3))
    (tmp_path / "snmp6").write_text("Ip6InReceives 9\nUdp6InErrors 4\n")
    counts = ReadCounts()
    files = group(tmp_path, counts)
    files.read()
    (tmp_path / "snmp6").write_text("Ip6InReceives 9\nUdp6InErrors x\n")
    assert files.read() == files.read() == {"tcp.in_segs": 1, "tcp.out_segs": 2}
    assert counts.failed == {"snmp6": 2}
    (tmp_path / "snmp6").write_text("Ip6InReceives 9\nUdp6InErrors 1\n")
    assert files.read()["udp.in_errors"] == 4
    files.close()
