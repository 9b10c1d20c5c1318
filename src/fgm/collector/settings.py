"""The collector's settings: each is a flag and an environment variable."""

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fgm import logs
from fgm.collector.sizes import FREE_SPACE, FreeSpace, size
from fgm.settings_parser import (
    SWITCH,
    Kind,
    SettingError,
    choice,
    make_parser,
    read_settings,
    setting,
    text,
    whole_number,
)
from fgm.store.directory import layout
from fgm.store.samples.defaults import DEFAULT_INTERVAL_MS, DEFAULT_ROTATION_S

EXIT_CODES = """\
exit codes:
  0  stopped by SIGTERM or SIGINT, or --check-config found no error
  2  a flag or an environment variable is wrong
  3  the proc root or the cgroup root cannot be read, or is not a /proc or cgroup file system
  4  the data directory cannot be written
  5  another collector records into the data directory
  6  the health listener cannot use its address
130  interrupted before recording began
"""
MAX_TICKS_OF_A_WINDOW = 900
"""Maximum number of ticks in a window. Writing a window of 40 containers takes about 0.2 MB of memory for each tick."""


def _read_pattern(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError(text)
    return text


_PATTERN = Kind(_read_pattern, "a path below the cgroup root that starts with '/'", metavar="PATTERN")


_SOCKET = Kind(_read_pattern, "a path that starts with '/'", metavar="PATTERN", show=", ".join)
ENGINE_SOCKETS = (
    "/run/docker.sock",
    "/run/user/*/docker.sock",
    "/run/podman/podman.sock",
    "/run/user/*/podman/podman.sock",
)
"""Default sockets of Docker and Podman, of the system and of users."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a collector. `parse` makes them and checks each value."""

    data_dir: str = setting("/data", text("DIR"), "directory to record into", flags=("--output-dir",))
    interval_ms: int = setting(DEFAULT_INTERVAL_MS, whole_number(100, 60_000, unit="ms"), "time between two ticks")
    rotation_seconds: int = setting(
        DEFAULT_ROTATION_S,
        whole_number(10, 3600, unit="s"),
        "length of a window, which becomes one file; at most 900 ticks",
    )
    compression_level: int = setting(3, whole_number(1, 19), "zstd level of the Parquet files")
    cgroup_root: str = setting("/sys/fs/cgroup", text("DIR"), "directory where the host's cgroups are mounted")
    proc_root: str = setting("/proc", text("DIR"), "directory where the host's /proc is mounted")
    sys_root: str = setting("/sys", text("DIR"), "directory where the host's /sys is mounted")
    node_name: str = setting("", text("NAME"), "name of the node", if_absent="the host name", variables=("NODE_NAME",))
    pod_name: str = setting(
        "",
        text("NAME"),
        "name of the collector's pod, which becomes the identifier of its files",
        if_absent="the node's name",
        variables=("POD_NAME",),
    )
    cluster_name: str = setting(
        "",
        text("NAME"),
        "name of the cluster, which the page shows next to the node's name",
        variables=("CLUSTER_NAME",),
    )
    include: tuple[str, ...] = setting(
        (),
        _PATTERN,
        "other cgroups to record with all their metrics, such as '/system.slice/*' ('*' matches within a name, '**' "
        "any number of names); can be repeated; in the variable, separate patterns by commas",
    )
    no_services: bool = setting(
        default=False,
        kind=SWITCH,
        purpose="record only containers, pods and the cgroups of --include: no services of the node and no slices",
    )
    no_kubernetes: bool = setting(
        default=False, kind=SWITCH, purpose="do not ask the Kubernetes API for the names of pods and containers"
    )
    kubernetes_source: str = setting(
        "api",
        choice("api", "kubelet"),
        "where names come from: the Kubernetes API, with the right to list and watch all pods; or the kubelet of this "
        "node, with the right to get nodes/pods (Kubernetes 1.33 or newer)",
    )
    kubernetes_url: str = setting(
        "",
        text("URL"),
        "address of the Kubernetes API, such as https://10.0.0.1:6443",
        if_absent="from KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT",
    )
    kubernetes_token_file: str = setting(
        "/var/run/secrets/kubernetes.io/serviceaccount/token",
        text("FILE"),
        "file with the token for the Kubernetes API",
    )
    kubernetes_ca_file: str = setting(
        "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
        text("FILE"),
        "file with the CA certificate of the Kubernetes API; if it does not exist, the system's certificates are used",
    )
    kubelet_host: str = setting(
        "",
        text("ADDRESS"),
        "address of the kubelet, which is the node's address",
        if_absent="none; --kubernetes-source kubelet needs it",
        variables=("HOST_IP",),
    )
    kubelet_port: int = setting(10_250, whole_number(1, 65_535), "port of the kubelet")
    kubelet_ca_file: str = setting(
        "",
        text("FILE"),
        "file with the CA certificate of the kubelet, or with the certificate that the kubelet made for itself",
        if_absent="--kubernetes-ca-file",
    )
    engine_socket: tuple[str, ...] = setting(
        ENGINE_SOCKETS,
        _SOCKET,
        "sockets of Docker and Podman to ask for the names of their containers, if they exist and may be used; those "
        "with 'podman' in their path are of Podman; can be repeated; in the variable, separate patterns by commas",
    )
    no_engines: bool = setting(
        default=False,
        kind=SWITCH,
        purpose="do not ask Docker, Podman and the files of containers for names",
    )
    no_merging: bool = setting(
        default=False,
        kind=SWITCH,
        purpose="leave closed windows as they are: do not merge those of an hour into one file",
    )
    verbose_perf_risk: bool = setting(
        default=False,
        kind=SWITCH,
        purpose="record memory regions: once a minute, record what the memory of each container's largest process "
        "consists of; this pauses the process while it is read, for about 15 ms per GB, or longer",
    )
    retention_bytes: int = setting(
        4 << 30, size(64 << 20, 1 << 50), "maximum size of the samples; the oldest are removed first"
    )
    retention_days: int = setting(14, whole_number(1, 36_500, unit="days"), "maximum age of the samples")
    retention_tiers_bytes: int = setting(
        1 << 30,
        size(16 << 20, 1 << 50),
        "maximum size of the summaries of each minute and of the events; the oldest are removed first",
    )
    retention_tiers_days: int = setting(
        180, whole_number(1, 36_500, unit="days"), "maximum age of the summaries of each minute and of the events"
    )
    min_free: FreeSpace = setting(  # noqa: RUF009 - it is frozen too
        FreeSpace(0.15, 2 << 30),
        FREE_SPACE,
        "space of the file system to keep free, by removing old data if necessary; of a share and an amount, the "
        "larger counts",
    )
    health_host: str = setting(
        "", text("ADDRESS"), "address to serve /healthz and /readyz on", if_absent="they are not served"
    )
    health_port: int = setting(8052, whole_number(0, 65_535), "port to serve /healthz and /readyz on")
    log_level: str = setting("info", choice(*logs.LEVELS), "lowest level of messages to log")
    log_format: str = setting("text", choice("text", "json"), "format of the log")

    @property
    def node(self) -> str:
        """The node's name; the host's name if none was given."""
        return self.node_name or socket.gethostname()

    @property
    def identifier(self) -> str:
        """The name of this writer's folders: the pod's name, or else the node's."""
        return self.pod_name or self.node

    @property
    def interval_s(self) -> float:
        """The sampling interval in seconds."""
        return self.interval_ms / 1000


def make_collector_parser() -> argparse.ArgumentParser:
    """Return the parser of the collector's command line."""
    parser = make_parser(
        Settings,
        program="fine-grained-monitor",
        description="Record every container of this host, every second, into a directory.",
        exit_codes=EXIT_CODES,
        reads_environment=True,
    )
    parser.add_argument(
        "--check-config",
        action="store_true",
        help="check the settings, the host and the health address (not the data directory), then exit",
    )
    parser.add_argument(
        "--list-reads",
        action="store_true",
        help="print each kernel file that is read, and the number of ticks between two reads (JSON lines), then exit",
    )
    return parser


def parse(flags: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Return the settings from parsed flags and environment variables. A flag that was not given is None.

    Raises: SettingError if a setting is wrong, or if two settings contradict each other.
    """
    settings = Settings(**read_settings(Settings, flags, environment))
    if not layout.valid_identifier(settings.identifier):
        raise SettingError(
            f"the identifier {settings.identifier!r} (--pod-name, or else --node-name, or else the host name) must be "
            "1 to 253 letters, digits, '.', '_' and '-', and start with a letter or a digit"
        )
    if not 1 <= settings.rotation_seconds * 1000 / settings.interval_ms <= MAX_TICKS_OF_A_WINDOW:
        least, most = settings.interval_ms / 1000, MAX_TICKS_OF_A_WINDOW * settings.interval_ms / 1000
        raise SettingError(
            f"--rotation-seconds is {settings.rotation_seconds}: with --interval-ms {settings.interval_ms} "
            f"give at least {least:g} and at most {most:g}"
        )
    if settings.kubernetes_url and not _is_http(settings.kubernetes_url):
        raise SettingError(f"--kubernetes-url is {settings.kubernetes_url!r}: give http or https, '://' and a host")
    if settings.kubernetes_source == "kubelet" and not settings.kubelet_host and not settings.no_kubernetes:
        raise SettingError(
            "--kubernetes-source is 'kubelet': give --kubelet-host, or set HOST_IP to the node's address"
        )
    return settings


def from_command_line(argv: Sequence[str] | None) -> tuple[Settings, argparse.Namespace]:
    """Return the settings of this process, and all flags; end the process with status 2 if a setting is wrong."""
    parser = make_collector_parser()
    flags = parser.parse_args(argv)
    try:
        return parse(vars(flags), os.environ), flags
    except SettingError as error:
        parser.error(str(error))


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
