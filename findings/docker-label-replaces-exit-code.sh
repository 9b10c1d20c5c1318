#!/usr/bin/env bash
# Software: docker.io 20.10.24+dfsg1-1+deb12u1+b6, containerd 1.6.20~ds1-1+deb12u3, runc 1.1.5+ds1-1+deb12u1 (Debian 12).
# A container has a label with the name of an attribute of Docker's events, such as exitCode.
# Expected: the event "die" has the exit code of the container, and the label is somewhere else, if at all.
# Seen: labels are put among the attributes, over the exit code: the event has the text of the label. Labels with the names
#       "name" and "image" do not replace those of the container.
set -euo pipefail
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && command -v dpkg >/dev/null || exit 77
if [ "${1-}" != inside ]; then
  unshare -m -n true 2>/dev/null || exit 77
  exec unshare -m --propagation private bash "$0" inside
fi
folder=$(mktemp -d)
daemon=
trap '[ -z "$daemon" ] || { kill "$daemon"; wait "$daemon" || true; } 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder"
packages=(docker.io=20.10.24+dfsg1-1+deb12u1+b6 containerd=1.6.20~ds1-1+deb12u3 runc=1.1.5+ds1-1+deb12u1)
apt-get download -qq "${packages[@]}" libdevmapper1.02.1 busybox-static >/dev/null 2>&1 || exit 77
for package in *.deb; do dpkg -x "$package" .; done
export PATH="$folder/usr/sbin:$folder/usr/bin:$PATH" LD_LIBRARY_PATH="$folder/usr/lib/x86_64-linux-gnu:$folder/lib/x86_64-linux-gnu"
export DOCKER_HOST="unix://$folder/docker.sock"
mount -t tmpfs tmpfs /run
unshare -n dockerd --data-root "$folder/data" --exec-root /run/exec --pidfile "$folder/pid" -H "$DOCKER_HOST" --storage-driver vfs \
  --bridge none --iptables=false --ip6tables=false --exec-opt native.cgroupdriver=cgroupfs >daemon.log 2>&1 &
daemon=$!
for _ in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.2; done
docker version >/dev/null 2>&1 || exit 77
mkdir -p image/bin
cp "$(find . -path '*bin/busybox' | head -1)" image/bin/sh
tar -C image -c . | docker import - test:1 >/dev/null

# died LABEL...: runs a container that ends with code 3, and prints the code in its event.
died() {
  local began code=0
  began=$(date +%s)
  docker run --rm --network none --security-opt apparmor=unconfined "$@" test:1 sh -c 'exit 3' >/dev/null 2>&1 || code=$?
  [ "$code" = 3 ] || exit 77
  docker events --since "$began" --until "$(($(date +%s) + 1))" --filter event=die --format '{{.Actor.Attributes.exitCode}}' |
    tail -1
}
plain=$(died)
labelled=$(died --label exitCode=0)
echo "a container that ended with code 3: $plain in its event; with the label exitCode=0: $labelled"
echo "expected: 3 in both"
[ "$plain" = 3 ] && [ "$labelled" = 0 ]
