"""Each series is read once in a round, always at the same distance."""

from collections.abc import Mapping
from pathlib import Path

from fgm.collector.sampling.occasional.file_group import FileGroup
from fgm.collector.sampling.occasional.rounds import BATCH, Rounds
from fgm.collector.sampling.read_counts import ReadCounts


def one_value(folder: Path, key: str) -> FileGroup:
    path = folder / key
    path.write_text("7")
    return FileGroup([(str(path), lambda text: {"tcp.inuse": int(text)})], ReadCounts())


def keys(rounds: Rounds) -> list[str]:
    steps: list[tuple[str, Mapping[str, float]]] = list(rounds.step())
    assert all(values == {"tcp.inuse": 7} for _, values in steps)
    return [key for key, _ in steps]


def test_each_series_keeps_its_tick_and_a_new_one_takes_a_free_place(tmp_path: Path) -> None:
    rounds = Rounds(3)
    names = [f"{i:02}" for i in range(2 * BATCH + 4)]
    for key in names:
        rounds.add(key, "network", one_value(tmp_path, key))
    first = [keys(rounds) for _ in range(3)]
    assert [len(tick) for tick in first] == [BATCH, BATCH, 4]
    assert sorted(key for tick in first for key in tick) == names

    rounds.remove(first[0][5])
    rounds.add("x", "network", one_value(tmp_path, "x"))
    second = [keys(rounds) for _ in range(3)]
    assert second == [[*first[0][:5], *first[0][6:], "x"], first[1], first[2]]
    rounds.close()
    assert list(rounds.paths) == []


def test_many_series_are_spread_over_the_ticks(tmp_path: Path) -> None:
    rounds = Rounds(2)
    for i in range(2 * BATCH + 10):
        rounds.add(str(i), "network", one_value(tmp_path, str(i)))
    assert [len(keys(rounds)) for _ in range(2)] == [BATCH + 5, BATCH + 5]
    rounds.close()


def test_a_group_replaces_the_earlier_one_of_its_kind_and_others_stay(tmp_path: Path) -> None:
    rounds = Rounds(1)
    rounds.add("a", "network", one_value(tmp_path, "old"))
    rounds.add("a", "network", one_value(tmp_path, "new"))
    rounds.add("a", "cgroup", one_value(tmp_path, "other"))
    assert list(rounds.paths) == [str(tmp_path / "new"), str(tmp_path / "other")]
    assert keys(rounds) == ["a", "a"]
    rounds.remove("a")
    rounds.remove("a")
    assert keys(rounds) == []
