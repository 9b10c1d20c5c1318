#!/usr/bin/env bash
# GNU Wget 1.21.3 (Debian 12, package 1.21.3-1+deb12u1); curl for comparison.
# A server sends a response in chunks (Transfer-Encoding: chunked), and the connection is lost in the middle of it.
# Expected: an exit code other than 0 wherever the connection was lost, as curl has 18 ("transfer closed with outstanding data").
# Seen: lost between two chunks, Wget exits with 4 (network failure) after its tries. Lost inside a chunk, it prints "saved",
#       keeps the part, and exits with 0: the file is short without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq wget=1.21.3-1+deb12u1 >/dev/null 2>&1 || exit 77
dpkg-deb --extract wget_*.deb . || exit 77
./usr/bin/wget --version | head -1 || exit 77
command -v curl >/dev/null || exit 77
cat > server.py <<'PYTHON'
import socket

PART = b"400\r\n" + b"a" * 0x400 + b"\r\n"
ENDS = {b"/whole": PART + b"0\r\n\r\n", b"/between": b"", b"/inside": PART[:600]}

with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        client, _ = server.accept()
        with client:
            path = client.recv(65536).split(b" ")[1]
            client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + PART + ENDS[path])
PYTHON
python3 server.py > port &
until [ -s port ]; do sleep 0.1; done
address="http://127.0.0.1:$(cat port)"
is_same=0
for path in whole between inside; do
  wget_code=0 curl_code=0
  ./usr/bin/wget --quiet --no-config --tries=1 --output-document=of-wget "$address/$path" || wget_code=$?
  curl --silent --output of-curl "$address/$path" || curl_code=$?
  echo "$path: wget exits with $wget_code and has $(stat -c %s of-wget) bytes; curl exits with $curl_code"
  case "$path $wget_code $curl_code" in "whole 0 0" | "between 4 18" | "inside 0 18") ;; *) is_same=1 ;; esac
done
echo "expected: 0 only for the whole response, which has 2048 bytes"
exit $is_same
