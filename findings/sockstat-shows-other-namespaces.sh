#!/usr/bin/env bash
# Linux 6.18. Needs root, unshare (util-linux) and Python 3; installs nothing.
#
# /proc/net/sockstat is read in a new network namespace, in which no process has a socket, while a process outside of it
# has 500 TCP connections to itself, with unread data, and 20 that it has closed with unsent data.
#
# Expected: all numbers are those of the namespace, as those of /proc/net/snmp and of `inuse` are: 0.
# Seen:     `alloc`, `mem` and `orphan` of TCP are those of the whole machine, so that each pod seems to have the sockets
#           and the memory of all. (net/ipv4/proc.c: sockstat_seq_show)
set -euo pipefail

if [ "$(id -u)" != 0 ] || ! command -v python3 >/dev/null || ! unshare --net true 2>/dev/null; then
  echo "needs root, unshare --net and python3"
  exit 77
fi
echo "Linux $(uname -r)"

python3 - <<'PYTHON'
import re, socket, subprocess, sys

CONNECTIONS, ORPHANS = 500, 20


def in_new_namespace():
    text = subprocess.run(["unshare", "--net", "cat", "/proc/self/net/sockstat"], check=True, capture_output=True, text=True)
    line = re.search(r"^TCP: (.*)$", text.stdout, re.MULTILINE)[1].split()
    return {name: int(value) for name, value in zip(line[::2], line[1::2])}


def connection(listener):
    client = socket.create_connection(listener.getsockname())
    return client, listener.accept()[0]


before = in_new_namespace()
listener = socket.create_server(("127.0.0.1", 0), backlog=100)
kept = [connection(listener) for _ in range(CONNECTIONS)]
for client, _ in kept:
    client.send(bytes(8000))
full = [connection(listener) for _ in range(ORPHANS)]
for client, _ in full:
    client.setblocking(False)
    while True:
        try:
            client.send(bytes(65536))
        except BlockingIOError:
            break
    client.close()  # the kernel keeps it, to send the rest
after = in_new_namespace()
print("TCP in a new namespace, before:", before)
print("TCP in another one, after:     ", after)
grown = {name: after[name] - before[name] for name in after}
if after["inuse"] == 0 and after["tw"] == 0 and grown["alloc"] > CONNECTIONS and grown["mem"] > 500 and grown["orphan"] >= ORPHANS:
    print("Expected: 0 everywhere. Seen: alloc, mem and orphan of the whole machine.")
    sys.exit(0)
print("the behaviour has changed")
sys.exit(1)
PYTHON
