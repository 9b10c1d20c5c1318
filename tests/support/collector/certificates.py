"""Certificates of servers, made with openssl."""

import subprocess
from pathlib import Path

import pytest


def own_certificate(folder: Path, *names: str) -> Path:
    """Make a certificate for names such as IP:127.0.0.1 or DNS:worker-3 that is its own authority.

    Return the file with the key and the certificate; `ca.crt` next to it has the certificate alone.
    """
    folder.mkdir(exist_ok=True)
    path = folder / "server.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=server"
    more = ["-addext", f"subjectAltName={','.join(names)}", "-keyout", str(path), "-out", str(folder / "ca.crt")]
    try:
        subprocess.run([*command.split(), *more], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate with")
    path.write_text(path.read_text() + (folder / "ca.crt").read_text())
    return path
