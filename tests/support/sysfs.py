"""Block devices and network interfaces in a folder, with the files and links that they have in sysfs."""

import os
from collections.abc import Sequence
from pathlib import Path


def add_block_device(
    sys_root: Path,
    name: str,
    dev: str | None,
    parent: str = "pci0000:00/0000:00:05.0",
    *,
    slaves: Sequence[str] = (),
    folders: Sequence[str] = (),
    hidden: str = "0",
) -> None:
    """Add a disk. `parent`: folder below devices; `slaves`: devices below it; `folders`: other folders that it has."""
    folder = sys_root / "devices" / parent / "block" / name
    for subfolder in ("slaves", *folders):
        (folder / subfolder).mkdir(parents=True)
    for slave in slaves:
        (folder / "slaves" / slave).symlink_to(f"../../{slave}")
    (folder / "hidden").write_text(hidden + "\n")
    links = [sys_root / "block" / name]
    if dev is not None:
        (folder / "dev").write_text(dev + "\n")
        links.append(sys_root / "dev" / "block" / dev)
    for link in links:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(folder, link.parent))


def add_interface(
    sys_root: Path,
    name: str,
    index: int,
    parent: str = "pci0000:00/0000:00:03.0",
    *,
    link: int | None = None,
    master: str | None = None,
    lower: Sequence[str] = (),
    port: str | None = None,
) -> None:
    """Add an interface. `parent`: folder below devices; `link`: its iflink; `port`: its phys_port_name."""
    folder = sys_root / "devices" / parent / "net" / name
    folder.mkdir(parents=True)
    (folder / "ifindex").write_text(f"{index}\n")
    (folder / "iflink").write_text(f"{index if link is None else link}\n")
    if port is not None:
        (folder / "phys_port_name").write_text(port + "\n")
    if master is not None:
        (folder / "master").symlink_to(f"../{master}")
    for other in lower:
        (folder / f"lower_{other}").symlink_to(f"../{other}")
    entry = sys_root / "class" / "net" / name
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.symlink_to(os.path.relpath(folder, entry.parent))
