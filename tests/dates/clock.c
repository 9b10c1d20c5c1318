/* Preloaded into a process, and so into all that it starts: its calendar is ahead by FGM_CLOCK_AHEAD_S seconds.

   Only the calendar: monotonic clocks and time-outs are the machine's. The stamps of files agree with the calendar:
   what is written from FGM_CLOCK_SINCE_S on has a stamp of the shifted calendar, and older files (sources, and what
   Python compiled them to) keep theirs. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

static long long ahead_s, since_s;

__attribute__((constructor)) static void read_settings(void) {
    const char *ahead = getenv("FGM_CLOCK_AHEAD_S"), *since = getenv("FGM_CLOCK_SINCE_S");
    ahead_s = ahead ? atoll(ahead) : 0;
    since_s = since ? atoll(since) : 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
/* Looked up once: two threads that do so at the same moment find the same. */
#define CALL(name, ...) ({ static __typeof__(&name) real; if (!real) real = REAL(name); real(__VA_ARGS__); })

int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = CALL(clock_gettime, clock, now);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead_s;
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int status = CALL(gettimeofday, now, zone);
    if (status == 0) now->tv_sec += ahead_s;
    return status;
}

time_t time(time_t *given) {
    time_t now = CALL(time, NULL) + ahead_s;
    if (given) *given = now;
    return now;
}

static void move(struct timespec *stamp) {
    if (stamp->tv_sec >= since_s) stamp->tv_sec += ahead_s;
}

static int moved(int status, struct stat *found) {
    if (status == 0) {
        move(&found->st_atim);
        move(&found->st_mtim);
        move(&found->st_ctim);
    }
    return status;
}

int stat(const char *restrict path, struct stat *restrict found) { return moved(CALL(stat, path, found), found); }
int lstat(const char *restrict path, struct stat *restrict found) { return moved(CALL(lstat, path, found), found); }
int fstat(int fd, struct stat *found) { return moved(CALL(fstat, fd, found), found); }
int fstatat(int fd, const char *restrict path, struct stat *restrict found, int flags) {
    return moved(CALL(fstatat, fd, path, found, flags), found);
}

/* Where a file has 64 bits for its size anyway, the two structures are one. */
_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "a machine of 64 bits");
int stat64(const char *restrict path, struct stat64 *restrict found) { return stat(path, (struct stat *)found); }
int lstat64(const char *restrict path, struct stat64 *restrict found) { return lstat(path, (struct stat *)found); }
int fstat64(int fd, struct stat64 *found) { return fstat(fd, (struct stat *)found); }
int fstatat64(int fd, const char *restrict path, struct stat64 *restrict found, int flags) {
    return fstatat(fd, path, (struct stat *)found, flags);
}

static void move_x(struct statx_timestamp *stamp) {
    if (stamp->tv_sec >= since_s) stamp->tv_sec += ahead_s;
}

int statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict found) {
    int status = CALL(statx, fd, path, flags, mask, found);
    if (status == 0) {
        move_x(&found->stx_atime);
        move_x(&found->stx_btime);
        move_x(&found->stx_ctime);
        move_x(&found->stx_mtime);
    }
    return status;
}

/* The other way round: a stamp that is set is one of the shifted calendar. */
static const struct timespec *unmoved(const struct timespec given[2], struct timespec copy[2]) {
    if (!given) return NULL;
    for (int i = 0; i < 2; i++) {
        copy[i] = given[i];
        if (given[i].tv_sec >= since_s + ahead_s) copy[i].tv_sec -= ahead_s;
    }
    return copy;
}

int utimensat(int fd, const char *path, const struct timespec given[2], int flags) {
    struct timespec copy[2];
    return CALL(utimensat, fd, path, unmoved(given, copy), flags);
}

int futimens(int fd, const struct timespec given[2]) {
    struct timespec copy[2];
    return CALL(futimens, fd, unmoved(given, copy));
}
