/* What runs in a benchmark's container: holds memory, takes some anew, computes a little, now and then writes to disk.
 * Every number that the kernel counts for the container moves, at a few thousandths of a core. Dies with its parent. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { HELD_BYTES = 4 << 20, TAKEN_BYTES = 64 << 10, COMPUTE_NS = 500000, ROUNDS_A_WRITE = 4 };

static long cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static char *take(size_t bytes) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    memset(memory, 1, bytes);
    return memory;
}

int main(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    FILE *file = tmpfile();
    if (!file) {
        perror("tmpfile");
        return 1;
    }
    char page[4096] = {0};
    take(HELD_BYTES);
    srand((unsigned)getpid());
    for (int round = 0;; round++) {
        munmap(take(TAKEN_BYTES), TAKEN_BYTES);
        for (long end = cpu_ns() + COMPUTE_NS; cpu_ns() < end;)
            ;
        if (round % ROUNDS_A_WRITE == 0 && pwrite(fileno(file), page, sizeof page, 0) == sizeof page)
            fdatasync(fileno(file));
        usleep(700000 + (unsigned)rand() % 300000);
    }
}
