#!/usr/bin/env bash
# After a restore, a client of etcd that continues its watch gets neither an error nor the changes.
#
# Software: etcd-server and etcd-client 3.4.23-4+b4 (Debian 12).
# Expected: a watch that continues from a revision that etcd does not have, as after a restore of an older snapshot, is an
# error, as reading at that revision is ("required revision is a future revision").
# Seen: the watch is accepted and silent. It begins to send events at that revision; what changed before is never sent.
set -euo pipefail
command -v apt-get >/dev/null && command -v dpkg >/dev/null || exit 77
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4 >/dev/null 2>&1 || exit 77
for package in *.deb; do dpkg -x "$package" .; done
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=http://127.0.0.1:23790
etcdctl() { usr/bin/etcdctl "$@"; }

start() {
  usr/bin/etcd --data-dir "$1" --listen-client-urls http://127.0.0.1:23790 --advertise-client-urls http://127.0.0.1:23790 \
    --listen-peer-urls http://127.0.0.1:23791 --initial-advertise-peer-urls http://127.0.0.1:23791 \
    --initial-cluster default=http://127.0.0.1:23791 >"$1.log" 2>&1 &
  server=$!
  for _ in $(seq 50); do etcdctl get ready >/dev/null 2>&1 && return; sleep 0.2; done
  exit 77
}
stop() { kill "$server"; wait "$server" || true; server=; }
revision() { etcdctl get none --write-out=json | sed 's/.*"revision":\([0-9]*\).*/\1/'; }

start first
etcdctl put key before-the-snapshot >/dev/null
etcdctl snapshot save snapshot.db >/dev/null 2>&1
for number in 1 2 3 4 5; do etcdctl put key "lost-$number" >/dev/null; done
next=$(($(revision) + 1))
stop
etcdctl snapshot restore snapshot.db --data-dir second --initial-cluster default=http://127.0.0.1:23791 \
  --initial-advertise-peer-urls http://127.0.0.1:23791 >restore.log 2>&1
start second
reading=$(etcdctl get key --rev="$next" 2>&1 || true)
reading=$(grep -om1 'future revision' <<<"$reading" || echo 'no error')
usr/bin/etcdctl watch key --rev="$next" >watch.txt 2>&1 &
watch=$!
sleep 1
while [ "$(revision)" -lt "$((next + 1))" ]; do etcdctl put key "new-$(revision)" >/dev/null; done
sleep 1
running=$(kill -0 "$watch" 2>/dev/null && echo running || echo ended)
kill "$watch" 2>/dev/null || true
values=$(grep -c '^new-' watch.txt || true)
first=$(grep -m1 '^new-' watch.txt || echo none)
seen="reading: $reading; watch: $running, $values of $(($(revision) - 2)) changes, the first is $first"
echo "expected: reading: future revision; watch: an error"
echo "seen:     $seen"
[ "$seen" = "reading: future revision; watch: running, 2 of 7 changes, the first is new-$((next - 1))" ]
