"""The benchmarks' C programs, compiled when they are needed."""

import os
import subprocess

_SOURCES = os.path.dirname(os.path.abspath(__file__))


def compile_into(folder: str, *names: str, static: bool = False) -> None:
    """Compile `<name>.c` to `<folder>/<name>` with the system's cc. `static`: to run where other libraries are.

    Raises CalledProcessError, whose cause cc has printed, and FileNotFoundError where there is no cc.
    """
    for name in names:
        source, program = os.path.join(_SOURCES, f"{name}.c"), os.path.join(folder, name)
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", *(["-static"] if static else [])]
        subprocess.run(["cc", *flags, "-o", program, source], check=True)
