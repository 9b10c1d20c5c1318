#!/bin/bash
# With memory.oom.group=1, the kernel counts the first process that it kills twice, in memory.events and in /proc/vmstat.
# oom_kill_process() in mm/oom_kill.c kills the victim, and then every process of its group, which includes the victim.
# Software: Linux 6.1.0-50-cloud-amd64 and 6.12.117+deb12-cloud-amd64 (Debian), QEMU, busybox 1.35
# Expected: oom_kill grows by the number of processes that the kernel killed: 1, and 3.
# Seen: it grows by 2 and by 4; so does oom_kill of /proc/vmstat. oom_kill - oom_group_kill is right.
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
echo +memory >/cgroup/cgroup.subtree_control
for count in 1 3; do
    group=/cgroup/$count
    mkdir "$group"
    echo 1 >"$group/memory.oom.group"
    echo 32M >"$group/memory.max"
    before=$(grep '^oom_kill ' /proc/vmstat | cut -d' ' -f2)
    dmesg -c >/dev/null
    for _ in $(seq 2 "$count"); do sh -c "echo 0 >$group/cgroup.procs; exec sleep 1000" & done
    sleep 2
    sh -c "echo 0 >$group/cgroup.procs; exec dd if=/dev/zero of=/dev/null bs=64M count=1" 2>/dev/null
    sleep 2
    after=$(grep '^oom_kill ' /proc/vmstat | cut -d' ' -f2)
    killed=$(dmesg | grep -o 'Killed process [0-9]*' | sort -u | wc -l)
    echo "RESULT planted=$count killed=$killed vmstat=$((after - before))" \
        $(grep -E '^oom_(group_)?kill ' "$group/memory.events" | tr ' ' =)
done
poweroff -f
INIT
chmod +x initrd/init
(cd initrd && find . | ./bin/busybox cpio -o -H newc 2>/dev/null) >initrd.cpio

status=0
for kernel in "${KERNELS[@]}"; do
    timeout 300 qemu-system-x86_64 -accel tcg -m 512 -nodefaults -display none -serial stdio -no-reboot \
        -kernel "packages/boot/vmlinuz-$kernel" -initrd initrd.cpio \
        -append 'console=ttyS0 quiet panic=-1' </dev/null >console.log 2>&1 || true
    grep -a -o 'RESULT .*' console.log | tr -d '\r' >results || true
    printf 'Linux %s\n  expected: oom_kill=1 for one process, oom_kill=3 for three\n' "$kernel"
    sed 's/^RESULT/  seen:    /' results
    printf '%s\n' 'RESULT planted=1 killed=1 vmstat=2 oom_kill=2 oom_group_kill=1' \
        'RESULT planted=3 killed=3 vmstat=4 oom_kill=4 oom_group_kill=1' | cmp -s - results || status=1
done
exit "$status"
