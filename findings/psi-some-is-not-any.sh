#!/usr/bin/env bash
# The time of "some" in a pressure file is not the time in which some task was stalled, but a mean of the processors.
#
# Software: Linux 6.1.0-50-cloud-amd64 and 6.12.117+deb12-cloud-amd64 (Debian), QEMU with two processors, busybox 1.35.
# Two tasks of a cgroup compete for processor 0 all the time; then a third task of the cgroup runs on processor 1, without
# waiting.
# Expected: "some" is "the share of time in which at least some tasks are stalled" (Documentation/accounting/psi.rst): 100 %.
# Seen:     100 %, and 50 % as soon as the third task runs, in cpu.pressure of the cgroup and in /proc/pressure/cpu. The tasks
#           on processor 0 wait as long as before. The kernel computes a state for each processor, and takes the mean of
#           those that are not idle (kernel/sched/psi.c). On 64 busy processors, the same two tasks make 1.6 %.
set -euo pipefail

for tool in qemu-system-x86_64 apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || { echo "this needs $tool"; exit 77; }
done
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
KERNELS=(6.1.0-50-cloud-amd64 6.12.117+deb12-cloud-amd64)
# shellcheck disable=SC2068 # no spaces in the names
apt-get -qq -o APT::Sandbox::User=root download busybox-static ${KERNELS[@]/#/linux-image-} || { echo 'these packages are not available'; exit 77; }
for package in *.deb; do dpkg-deb -x "$package" packages; done

mkdir -p initrd/bin
cp packages/bin/busybox initrd/bin
cat >initrd/init <<'INIT'
#!/bin/busybox sh
/bin/busybox --install /bin
mkdir -p /proc /cgroup /dev
mount -t proc proc /proc
mount -t devtmpfs dev /dev
mount -t cgroup2 cgroup /cgroup
mkdir /cgroup/box
run_on() { (echo 0 >/cgroup/box/cgroup.procs; exec taskset -c "$1" sh -c 'while :; do :; done') & }
some_us() { sed -n 's/some .*total=//p' "$1"; }
now_ms() { sed 's/\.\([0-9]*\) .*/\10/' /proc/uptime; }
measure() {
    sleep 3
    start=$(now_ms) box=$(some_us /cgroup/box/cpu.pressure) node=$(some_us /proc/pressure/cpu)
    sleep 10
    box=$(($(some_us /cgroup/box/cpu.pressure) - box)) node=$(($(some_us /proc/pressure/cpu) - node))
    elapsed=$(($(now_ms) - start))
    echo "RESULT $1: cgroup $((box / elapsed / 10)) % node $((node / elapsed / 10)) %"
}
run_on 0
run_on 0
measure "two tasks on processor 0"
run_on 1
measure "and one on processor 1"
poweroff -f
INIT
chmod +x initrd/init
(cd initrd && find . | ./bin/busybox cpio -o -H newc 2>/dev/null) >initrd.cpio

status=0
for kernel in "${KERNELS[@]}"; do
    timeout 300 qemu-system-x86_64 -accel tcg -smp 2 -m 512 -nodefaults -display none -serial stdio -no-reboot \
        -kernel "packages/boot/vmlinuz-$kernel" -initrd initrd.cpio \
        -append 'console=ttyS0 quiet panic=-1 psi=1' </dev/null >console.log 2>&1 || true
    grep -a -o 'RESULT .*' console.log | tr -d '\r' >results || true
    printf 'Linux %s\n  expected: 100 %% in all four\n' "$kernel"
    sed 's/^RESULT/  seen:    /' results
    # cgroup and node: 85 % to 100 % with two tasks, 35 % to 65 % with three
    awk '{ for (i = 1; i < NF; i++) if ($i == "cgroup" || $i == "node") { n++; low = n <= 2 ? 85 : 35; high = n <= 2 ? 101 : 65
           bad = bad || $(i + 1) < low || $(i + 1) > high } } END { exit bad || n != 4 }' results || status=1
done
exit "$status"
