"""The collector's settings: one field each, which makes its flag, its environment variable and its help."""

import argparse
import math
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from fgm import __version__
from fgm.collector.sizes import FreeSpace, free_space, size_bytes
from fgm.store.directory import layout
from fgm.store.samples.defaults import DEFAULT_INTERVAL_MS, DEFAULT_ROTATION_S

EXIT_CODES = """\
exit codes:
  0  stopped in order (SIGTERM, SIGINT), or --check-config found nothing wrong
  2  a flag or environment variable is wrong
  3  the cgroup or proc root cannot be read, or is not one
  4  the data directory cannot be written
  5  another collector records into the data directory
  6  the address of the health listener cannot be listened on
130  interrupted before recording began
"""


MOST_TICKS = 900
"""In one window: while it is written, 40 containers take some 0.2 MB a tick."""


class SettingError(ValueError):
    """Raised when a setting is not allowed; the message names it and says what is."""


def _setting(default: Any, text: str, *, unit: str = "", variables: Sequence[str] = (), **more: Any) -> Any:
    metadata = {"help": text, "unit": unit, "variables": tuple(variables), **more}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a collector runs. Made by `parse`, which has checked each value."""

    data_dir: str = _setting("/data", "directory to record into", flags=("--output-dir",))
    interval_ms: int = _setting(DEFAULT_INTERVAL_MS, "time between two ticks", unit="ms", least=100, most=60_000)
    rotation_seconds: int = _setting(
        DEFAULT_ROTATION_S,
        "length of a window, which becomes one file; at most 900 ticks",
        unit="s",
        least=10,
        most=3600,
    )
    compression_level: int = _setting(3, "zstd level of the Parquet files", least=1, most=19)
    cgroup_root: str = _setting("/sys/fs/cgroup", "where the host's cgroups are mounted")
    proc_root: str = _setting("/proc", "where the host's processes are mounted")
    sys_root: str = _setting("/sys", "where the host's devices are mounted")
    node_name: str = _setting("", "name of the node; default: the host name", variables=("NODE_NAME",))
    pod_name: str = _setting("", "name of this pod; becomes the identifier of its files", variables=("POD_NAME",))
    cluster_name: str = _setting("", "name of the cluster, shown beside the node's", variables=("CLUSTER_NAME",))
    include: tuple[str, ...] = _setting(
        (),
        "record other cgroups too, such as '/system.slice/*' ('*' within a name, '**' at any depth); repeatable, "
        "or separated by commas in the variable",
    )
    no_kubernetes: bool = _setting(
        default=False, text="do not ask the Kubernetes API for the names of pods and containers"
    )
    kubernetes_url: str = _setting(
        "", "where the Kubernetes API is, such as https://10.0.0.1:6443; default: as KUBERNETES_SERVICE_HOST says"
    )
    kubernetes_token_file: str = _setting(
        "/var/run/secrets/kubernetes.io/serviceaccount/token", "file with the token to show to the Kubernetes API"
    )
    kubernetes_ca_file: str = _setting(
        "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
        "file with the certificate of the Kubernetes API's authority; the system's own are used where there is none",
    )
    verbose_perf_risk: bool = _setting(
        default=False,
        text="record every minute what the memory of each container's largest process is made of; "
        "holds up that process while it is read: some 15 ms for each GB, or more",
    )
    retention_bytes: int = _setting(
        4 << 30, "how much the data may take; the oldest goes first", unit="bytes", least=64 << 20, most=1 << 50
    )
    retention_days: int = _setting(14, "how long data is kept", unit="days", least=1, most=36_500)
    min_free: FreeSpace = _setting(  # noqa: RUF009 - it is frozen too
        FreeSpace(0.15, 2 << 30),
        "how much of the file system stays free, if need be at the cost of old data: a share, an amount, or both",
        shown="15%,2Gi",
    )
    health_host: str = _setting("", "address of a listener for /healthz and /readyz; none by default")
    health_port: int = _setting(8052, "port of that listener", least=0, most=65_535)
    log_level: str = _setting("info", "least important messages to log", choices=("debug", "info", "warning", "error"))
    log_format: str = _setting("text", "form of the log", choices=("text", "json"))

    @property
    def node(self) -> str:
        """The node's name, the host's own where none was given."""
        return self.node_name or socket.gethostname()

    @property
    def identifier(self) -> str:
        """The name of this writer's folders: pod, else node, else host."""
        return self.pod_name or self.node

    @property
    def interval_s(self) -> float:
        """The sampling interval in seconds."""
        return self.interval_ms / 1000


def make_parser() -> argparse.ArgumentParser:
    """Return the command line's parser; `--help` shows every setting with its variable and default."""
    parser = argparse.ArgumentParser(
        prog="fine-grained-monitor",
        description="Records every container of this host, every second, into a directory.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for setting in fields(Settings):
        facts = setting.metadata
        default = facts.get("shown", setting.default)
        shown = f"{default} {facts['unit']}".strip() if default not in ("", (), False) else ""
        variables = ", ".join(_variables(setting.name, facts))
        allowed = f"{facts['least']} to {facts['most']}" if "least" in facts else ", ".join(facts.get("choices", ()))
        more = "; ".join(filter(None, [allowed, f"default: {shown}" if shown else "", variables]))
        text = f"{facts['help']} ({more})"
        flags = ["--" + setting.name.replace("_", "-"), *facts.get("flags", ())]
        if isinstance(setting.default, bool):
            parser.add_argument(*flags, help=text, action="store_const", const=True)
            continue
        parser.add_argument(
            *flags,
            dest=setting.name,
            metavar=facts["unit"].upper() or "VALUE",
            help=text.replace("%", "%%"),
            action="append" if setting.name == "include" else "store",
        )
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="check the settings, the host and the health address (not the data directory), then exit",
    )
    parser.add_argument(
        "--list-reads",
        action="store_true",
        help="print each file that a tick reads, and every how many ticks, as lines of JSON; then exit",
    )
    parser.add_argument("--version", action="version", version=f"fgm {__version__}")
    return parser


def parse(given: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Return the settings from flags (None: not given) and environment. Raises SettingError."""
    values: dict[str, Any] = {}
    for setting in fields(Settings):
        facts, flag = setting.metadata, "--" + setting.name.replace("_", "-")
        raw, origin = given.get(setting.name), flag
        if raw is None:
            origin = next((name for name in _variables(setting.name, facts) if environment.get(name)), "")
            raw = environment.get(origin)
        if raw is not None:
            values[setting.name] = _READERS[type(setting.default)](origin, raw, facts)
    settings = Settings(**values)
    if not layout.valid_identifier(settings.identifier):
        raise SettingError(
            f"the identifier {settings.identifier!r} (--pod-name, else --node-name, else the host's name) must be 1 to "
            "253 letters, digits, '.', '_' and '-', a letter or digit first"
        )
    if not 1 <= settings.rotation_seconds * 1000 / settings.interval_ms <= MOST_TICKS:
        raise SettingError(
            f"--rotation-seconds is {settings.rotation_seconds}: at --interval-ms {settings.interval_ms} give at least "
            f"{settings.interval_ms / 1000:g} and at most {MOST_TICKS * settings.interval_ms / 1000:g}"
        )
    if settings.kubernetes_url and not _is_http(settings.kubernetes_url):
        raise SettingError(f"--kubernetes-url is {settings.kubernetes_url!r}: give http or https, '://' and a host")
    return settings


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _variables(name: str, facts: Mapping[str, Any]) -> tuple[str, ...]:
    return ("FGM_" + name.upper(), *facts["variables"])


def _integer(origin: str, raw: Any, facts: Mapping[str, Any]) -> int:
    least, most = facts.get("least", -math.inf), facts.get("most", math.inf)
    try:
        value = size_bytes(raw) if facts["unit"] == "bytes" else int(raw)
    except ValueError:
        raise SettingError(f"{origin} is {raw!r}: give a whole number from {least} to {most}") from None
    if not least <= value <= most:
        raise SettingError(f"{origin} is {value}: give a whole number from {least} to {most}")
    return value


def _free_space(origin: str, raw: Any, _: Mapping[str, Any]) -> FreeSpace:
    try:
        return free_space(raw)
    except ValueError:
        raise SettingError(f"{origin} is {raw!r}: give a share, an amount, or both, such as 15%,2Gi") from None


def _string(origin: str, raw: Any, facts: Mapping[str, Any]) -> str:
    choices = facts.get("choices")
    if not raw:
        raise SettingError(f"{origin} is empty: leave it out, or give a value")
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise SettingError(f"{origin} is {raw!r}: give text in UTF-8") from None
    if choices and raw not in choices:
        raise SettingError(f"{origin} is {raw!r}: give one of {', '.join(choices)}")
    return str(raw)


def _switch(origin: str, raw: Any, _: Mapping[str, Any]) -> bool:
    if raw not in {True, "1", "true", "0", "false"}:
        raise SettingError(f"{origin} is {raw!r}: give one of 1, true, 0, false")
    return raw in {True, "1", "true"}


def _strings(origin: str, raw: Any, _: Mapping[str, Any]) -> tuple[str, ...]:
    values = tuple(raw.split(",") if isinstance(raw, str) else raw)
    for value in values:
        if not value.startswith("/"):
            raise SettingError(f"{origin} is {value!r}: give a path below the cgroup root that starts with '/'")
    return values


_READERS: Mapping[type, Callable[[str, Any, Mapping[str, Any]], Any]] = {
    int: _integer,
    FreeSpace: _free_space,
    str: _string,
    bool: _switch,
    tuple: _strings,
}


def from_command_line(argv: Sequence[str] | None) -> tuple[Settings, argparse.Namespace]:
    """Return the settings of this process and the other flags; ends it with status 2 where they are wrong."""
    parser = make_parser()
    given = parser.parse_args(argv)
    try:
        return parse(vars(given), os.environ), given
    except SettingError as error:
        parser.error(str(error))
