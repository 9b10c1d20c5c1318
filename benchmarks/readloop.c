/* The least that reading kernel files can cost: keeps each open and reads it whole, in C, at the given rhythm.
 *
 * As in the collector, an answer that nearly fills a page of 4 KiB is followed by another pread, because the kernel may
 * have more (fs/seq_file.c). A file of a cgroup that is one record and as long as that costs this loop one pread more than
 * the collector, which knows that it is one.
 *
 * readloop WARM_UP TICKS: the first line of stdin is an instant of CLOCK_MONOTONIC in seconds, from which it ticks every
 * second; the others are the files, "EVERY_TICKS PATH". Prints the CPU time of each tick after the first WARM_UP, in ns. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FILES = 1 << 16, NEARLY_FULL_BYTES = 4096 - 512 };
static struct { int fd, every; } files[MOST_FILES];
static char buffer[1 << 20];

static long cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static int read_whole(int fd) {
    ssize_t size, offset = 0;
    do {
        size = pread(fd, buffer, sizeof buffer, offset);
        offset += size;
    } while (size >= NEARLY_FULL_BYTES);
    return size < 0 ? -1 : 0;
}

int main(int argc, char **argv) {
    char line[4096];
    int count = 0, failed = 0, every, at;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (argc != 3 || !fgets(line, sizeof line, stdin))
        return 2;
    double start = atof(line);
    int warm_up = atoi(argv[1]), ticks = atoi(argv[2]);
    while (count < MOST_FILES && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%d %n", &every, &at) != 1 || every < 1)
            return 2;
        if ((files[count].fd = open(line + at, O_RDONLY)) < 0) {
            if (errno == ENOENT)
                continue; /* another's container has just ended */
            perror(line);
            return 1;
        }
        files[count++].every = every;
    }
    struct timespec due = {(time_t)start, (long)((start - (double)(time_t)start) * 1e9)};
    for (int tick = 0; tick < warm_up + ticks; tick++, due.tv_sec++) {
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        long before = cpu_ns();
        for (int i = 0; i < count; i++)
            if ((tick + i) % files[i].every == 0 && read_whole(files[i].fd) < 0)
                failed++; /* another's container ended meanwhile */
        if (tick >= warm_up)
            printf("%ld\n", cpu_ns() - before);
    }
    return failed > count;
}
