#!/usr/bin/env bash
# obstore ignores the client's environment variables as soon as one client option is given in the program.
#
# Software: obstore 0.12.1.
# Expected: AWS_ALLOW_HTTP=true in the environment still counts if the program sets a timeout in client_options, as
# AWS_ENDPOINT_URL and AWS_REGION do: the server answers 404, which is a FileNotFoundError.
# Seen: with client_options the request is never sent: "HTTP error: builder error". Without them the server answers 404.
set -euo pipefail
command -v python3 >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment || exit 77
environment/bin/python -m pip --quiet --disable-pip-version-check install obstore==0.12.1 || exit 77
environment/bin/python - <<'EOF'
import http.server
import os
import sys
import threading

import obstore
from obstore.store import S3Store

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ |= {
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}", "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ALLOW_HTTP": "true",
}  # fmt: skip


def error_of(**options):
    try:
        obstore.head(S3Store("bucket", retry_config={"max_retries": 0}, **options), "none")
    except Exception as error:
        return type(error).__name__, "builder error" in str(error)


without, with_timeout = error_of(), error_of(client_options={"timeout": "10s"})
print("expected:", without, "in both cases")
print("seen:    ", without, "and, with a timeout,", with_timeout)
sys.exit((without, with_timeout) != (("FileNotFoundError", False), ("GenericError", True)))
EOF
