#!/usr/bin/env bash
# Linux 6.18 (without the multi-generational LRU). Needs root, cgroups with the memory controller (v1 or v2) and Python 3;
# installs nothing.
#
# A process in the cgroup `idle` maps a file of 32 MiB, reads each page once, and sleeps from then on. Then processes in the
# cgroup `busy` map the same file, read each page once, and end. So do containers that share a library of an image.
#
# Expected: the working set of `idle` (usage - inactive_file, as the kubelet computes it) does not change while it sleeps.
# Seen:     it grows by 32 MiB after two processes of `busy` have ended, because the kernel marks pages as used when they are
#           unmapped, and counts them for the cgroup that needed them first. (mm/memory.c: zap_present_folio_ptes)
set -euo pipefail

mount=/sys/fs/cgroup/memory usage=memory.usage_in_bytes
if ! [ -e "$mount/cgroup.procs" ]; then
  mount=/sys/fs/cgroup usage=memory.current
  grep -qs memory "$mount/cgroup.subtree_control" || { echo "needs a cgroup mount with the memory controller"; exit 77; }
fi
if [ "$(id -u)" != 0 ] || ! command -v python3 >/dev/null; then
  echo "needs root and python3"
  exit 77
fi
if [ "$(cat /sys/kernel/mm/lru_gen/enabled 2>/dev/null || echo 0x0000)" != 0x0000 ]; then
  echo "needs a kernel whose multi-generational LRU is off"
  exit 77
fi
echo "Linux $(uname -r)"

work=$(mktemp -d -p /var/tmp)
idle=$mount/finding-idle-$$ busy=$mount/finding-busy-$$
sleeper=
finish() {
  if [ -n "$sleeper" ]; then
    kill "$sleeper" 2>/dev/null || true
    wait "$sleeper" 2>/dev/null || true
  fi
  for box in "$idle" "$busy"; do
    for _ in $(seq 50); do rmdir "$box" 2>/dev/null && break || sleep 0.1; done
  done
  rm -rf "$work"
}
trap finish EXIT
mkdir "$idle" "$busy"

cat >"$work/touch.py" <<'PYTHON'
import mmap, sys, time
box, path, is_sleeper = sys.argv[1], sys.argv[2], len(sys.argv) > 3
with open(f"{box}/cgroup.procs", "w") as procs:
    procs.write("0")
with open(path, "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
sum(mapped[::4096])
if is_sleeper:
    print("ready", flush=True)
    time.sleep(600)
PYTHON
dd if=/dev/urandom of="$work/library" bs=1M count=32 conv=fsync status=none
dd of="$work/library" oflag=nocache conv=notrunc,fsync count=0 status=none # out of the page cache of this shell

working_set() { # of a cgroup, KiB
  echo $((($(cat "$1/$usage") - $(awk '$1 == "inactive_file" {print $2}' "$1/memory.stat")) / 1024))
}

mkfifo "$work/ready"
python3 "$work/touch.py" "$idle" "$work/library" sleep >"$work/ready" &
sleeper=$!
read -r _ <"$work/ready"
before=$(working_set "$idle")
echo "working set of idle, which has read the file: $before KiB"
for number in 1 2 3; do
  python3 "$work/touch.py" "$busy" "$work/library"
  after=$(working_set "$idle")
  echo "after $number processes of busy have ended:      $after KiB; of busy: $(working_set "$busy") KiB"
done
if [ $((after - before)) -gt 30000 ]; then
  echo "Expected: the same as before. Seen: 32 MiB more in a container that slept."
  exit 0
fi
echo "the behaviour has changed"
exit 1
