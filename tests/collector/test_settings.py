"""Settings of the collector come from flags, or else from the environment; errors name what is allowed."""

from pathlib import Path

import pytest

from fgm.collector.settings import Settings, make_collector_parser, parse
from fgm.collector.sizes import FreeSpace
from fgm.settings_parser import SettingError


def from_flags(*argv: str, **environment: str) -> Settings:
    return parse(vars(make_collector_parser().parse_args(argv)), environment)


def test_a_flag_wins_over_the_environment_and_that_over_the_default() -> None:
    settings = from_flags(
        "--interval-ms", "500", FGM_INTERVAL_MS="250", FGM_ROTATION_SECONDS="60", NODE_NAME="worker-3"
    )

    assert (settings.interval_ms, settings.rotation_seconds, settings.node_name) == (500, 60, "worker-3")
    assert settings.compression_level == Settings().compression_level


def test_the_identifier_is_the_name_of_the_pod_or_else_of_the_node() -> None:
    assert (
        from_flags(POD_NAME="fine-grained-monitor-x7k2p", NODE_NAME="worker-3").identifier
        == "fine-grained-monitor-x7k2p"
    )
    assert from_flags(NODE_NAME="worker-3").identifier == "worker-3"


def test_output_dir_is_another_name_of_data_dir() -> None:
    assert from_flags("--output-dir=/records").data_dir == "/records"


def test_a_switch_is_off_unless_its_flag_is_given_or_its_variable_is_true() -> None:
    assert not from_flags().verbose_perf_risk
    assert from_flags("--verbose-perf-risk").verbose_perf_risk
    assert from_flags(FGM_VERBOSE_PERF_RISK="true").verbose_perf_risk
    assert not from_flags(FGM_VERBOSE_PERF_RISK="0").verbose_perf_risk


def test_the_documents_have_the_budgets_that_are_the_default() -> None:
    settings, docs = from_flags(), Path(__file__).parents[2] / "docs"
    for name in ("operations.md", "data-directory.md"):
        text = (docs / name).read_text()
        for flag in ("retention_bytes", "retention_tiers_bytes"):
            amount = f"{getattr(settings, flag) >> 30} GiB"
            option = f"--{flag.replace('_', '-')}"
            assert f"`{option}` | {amount} |" in text or f"{amount}, `{option} " in text, (name, option)


def test_amounts_are_written_as_kubernetes_writes_them() -> None:
    settings = from_flags("--retention-bytes", "512Mi", "--min-free", "5%", FGM_RETENTION_DAYS="3")

    assert (settings.retention_bytes, settings.retention_days) == (512 << 20, 3)
    assert settings.min_free == FreeSpace(0.05, 0)
    settings = from_flags("--retention-tiers-bytes", "3Gi", FGM_RETENTION_TIERS_DAYS="365")
    assert (settings.retention_tiers_bytes, settings.retention_tiers_days) == (3 << 30, 365)
    assert from_flags("--retention-bytes", "500000000").retention_bytes == 500_000_000
    assert from_flags("--min-free", "2GiB").min_free == FreeSpace(0, 2 << 30)
    assert from_flags("--min-free", str(Settings().min_free)) == Settings()


@pytest.mark.parametrize(
    ("argv", "environment", "sentence"),
    [
        (["--interval-ms", "fast"], {}, "--interval-ms is 'fast': give a whole number from 100 to 60000"),
        (["--interval-ms", "5"], {}, "--interval-ms is '5': give a whole number from 100 to 60000"),
        (
            [],
            {"FGM_ROTATION_SECONDS": "0"},
            "FGM_ROTATION_SECONDS is '0': give a whole number from 10 to 3600",
        ),
        (["--log-format", "xml"], {}, "--log-format is 'xml': give one of text, json"),
        ([], {"FGM_VERBOSE_PERF_RISK": "yes"}, "FGM_VERBOSE_PERF_RISK is 'yes': give one of 1, true, 0, false"),
        (
            ["--retention-bytes", "4Qi"],
            {},
            "--retention-bytes is '4Qi': give a number of bytes, or an amount such as 500M",
        ),
        (
            ["--retention-bytes", "1M"],
            {},
            "--retention-bytes is '1M': give a number of bytes, or an amount such as 500M or 4Gi, from 64Mi to 1024Ti",
        ),
        (["--retention-days", "0"], {}, "--retention-days is '0': give a whole number from 1 to 36500"),
        (
            ["--retention-tiers-bytes", "1M"],
            {},
            "--retention-tiers-bytes is '1M': give a number of bytes, or an amount such as 500M or 4Gi, from 16Mi",
        ),
        (["--retention-tiers-days", "0"], {}, "--retention-tiers-days is '0': give a whole number from 1 to 36500"),
        (
            ["--min-free", "lots"],
            {},
            "--min-free is 'lots': give a share below 100%, an amount, or both, such as 15%,2Gi",
        ),
        (["--min-free", "100%"], {}, "--min-free is '100%': give a share"),
        (["--include", "system.slice"], {}, "--include is 'system.slice': give a path below the cgroup root"),
        (["--kubernetes-url", "10.0.0.1:6443"], {}, "--kubernetes-url is '10.0.0.1:6443': give http or https"),
        (["--kubernetes-url", "https://[::1"], {}, "--kubernetes-url is 'https://[::1': give http or https"),
        (["--kubernetes-url", "http://a:port"], {}, "--kubernetes-url is 'http://a:port': give http or https"),
        (
            ["--kubernetes-source", "kubelet"],
            {},
            "--kubernetes-source is 'kubelet': give --kubelet-host, or set HOST_IP",
        ),
        (["--pod-name", "../etc"], {}, "the identifier '../etc'"),
        (
            ["--interval-ms", "20000", "--rotation-seconds", "10"],
            {},
            "--rotation-seconds is 10: with --interval-ms 20000 give at least 20 and at most 18000",
        ),
        (
            ["--rotation-seconds", "901"],
            {},
            "--rotation-seconds is 901: with --interval-ms 1000 give at least 1 and at most 900",
        ),
        (["--cluster-name", "m\udcfcnchen"], {}, r"--cluster-name is 'm\udcfcnchen': give text in UTF-8"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(
    argv: list[str], environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingError) as raised:
        from_flags(*argv, **environment)

    assert str(raised.value).startswith(sentence)
