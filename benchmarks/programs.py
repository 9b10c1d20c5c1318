"""The C programs of the benchmarks, compiled on demand."""

import os
import subprocess

_SOURCES = os.path.dirname(os.path.abspath(__file__))


def compile_into(folder: str, *names: str, static: bool = False) -> None:
    """Compile `<name>.c` to `<folder>/<name>` with the system's cc; `static` for a machine with other libraries.

    Raises: CalledProcessError if the compiler refuses it; cc has printed the reason.
    Raises: FileNotFoundError if cc is not installed.
    """
    for name in names:
        source, program = os.path.join(_SOURCES, f"{name}.c"), os.path.join(folder, name)
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", *(["-static"] if static else [])]
        subprocess.run(["cc", *flags, "-o", program, source], check=True)
