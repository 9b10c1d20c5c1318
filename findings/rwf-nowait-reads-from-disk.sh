#!/usr/bin/env bash
# A read that must not wait brings into the page cache what it has not returned.
#
# Software: Linux 6.18, ext4; util-linux (fincore). Needs Python 3 and a folder on a disk (TMPDIR or /var/tmp); installs nothing.
# Expected: preadv2 with RWF_NOWAIT returns data from the page cache, or EAGAIN, "instantly if it would have to read data from the
# backing storage" (preadv2(2)). So it can be used to find out what is cached, where mincore(2) says that everything is: it does so
# for files of other users. A file of which nothing is cached stays so.
# Seen: each of these reads returns EAGAIN, and starts to read from the disk: a moment later all pages that were asked for are in
# the page cache, and are charged to the cgroup of the process. The answer to the same question is another one then.
# (mm/filemap.c, filemap_get_pages: only IOCB_NOIO, which has no flag for user space, reads nothing.)
set -euo pipefail
if ! command -v python3 >/dev/null || ! command -v fincore >/dev/null; then
  echo "needs python3 and fincore"
  exit 77
fi
folder=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
trap 'rm -rf "$folder"' EXIT
case $(stat -f -c %T "$folder") in
  tmpfs | ramfs | overlayfs) echo "$folder is not on a disk" && exit 77 ;;
esac
echo "Linux $(uname -r)"
python3 - "$folder/file" <<'PYTHON'
import os, subprocess, sys, time

path, probes, apart = sys.argv[1], 64, 1 << 20
with open(path, "wb") as file:
    file.write(os.urandom(probes * apart))
    os.fsync(file.fileno())
fd = os.open(path, os.O_RDONLY)


def cached_pages():
    done = subprocess.run(["fincore", "--bytes", "--noheadings", "--output", "PAGES", path], stdout=subprocess.PIPE)
    return int(done.stdout)


def would_wait():
    count = 0
    for offset in range(0, probes * apart, apart):
        try:
            os.preadv(fd, [bytearray(1)], offset, os.RWF_NOWAIT)
        except BlockingIOError:
            count += 1
    return count


os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
if cached_pages():
    sys.exit(77)  # something else reads the file
first = would_wait()
time.sleep(1)
pages, second = cached_pages(), would_wait()
print(f"expected: {probes} of {probes} reads would wait, 0 pages are cached, and again {probes} of {probes} would wait")
print(f"seen:     {first} of {probes} reads would wait, {pages} pages are cached, and then {second} of {probes} would wait")
sys.exit(not (first == probes and pages >= probes and second == 0))
PYTHON
