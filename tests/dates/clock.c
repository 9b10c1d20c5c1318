/* A library that is preloaded into a process and its children: their calendar is FGM_CLOCK_AHEAD_S seconds ahead.

   Only the calendar is shifted; monotonic clocks and timeouts are those of the machine. The timestamps of files agree
   with the calendar: files written after FGM_CLOCK_SINCE_S have timestamps of the shifted calendar, and older files
   (sources and their bytecode) keep theirs.

   With FGM_CLOCK_FILE, the clocks can also be changed while processes run: the file has two numbers of 64 bits, the
   seconds by which the calendar was set forward, and the seconds for which the machine was suspended. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long fixed_s, since_s;
static const volatile long long *changing_s;

#define asleep_s (changing_s ? changing_s[1] : 0)
#define ahead_s (fixed_s + (changing_s ? changing_s[0] + changing_s[1] : 0))

__attribute__((constructor)) static void read_settings(void) {
    const char *ahead = getenv("FGM_CLOCK_AHEAD_S"), *since = getenv("FGM_CLOCK_SINCE_S");
    fixed_s = ahead ? atoll(ahead) : 0;
    since_s = since ? atoll(since) : 0;
    const char *path = getenv("FGM_CLOCK_FILE");
    if (!path) return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *content = fd < 0 ? MAP_FAILED : mmap(NULL, 2 * sizeof(long long), PROT_READ, MAP_SHARED, fd, 0);
    if (content == MAP_FAILED) abort();
    close(fd);
    changing_s = content;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
/* The function is looked up once. Two threads that look it up at the same time get the same address. */
#define CALL(name, ...) ({ static __typeof__(&name) real; if (!real) real = REAL(name); real(__VA_ARGS__); })

int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = CALL(clock_gettime, clock, now);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead_s;
    if (status == 0 && clock == CLOCK_BOOTTIME) now->tv_sec += asleep_s;
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int status = CALL(gettimeofday, now, zone);
    if (status == 0) now->tv_sec += ahead_s;
    return status;
}

time_t time(time_t *result) {
    time_t now = CALL(time, NULL) + ahead_s;
    if (result) *result = now;
    return now;
}

static void shift(struct timespec *stamp) {
    if (stamp->tv_sec >= since_s) stamp->tv_sec += ahead_s;
}

static int shifted(int status, struct stat *result) {
    if (status == 0) {
        shift(&result->st_atim);
        shift(&result->st_mtim);
        shift(&result->st_ctim);
    }
    return status;
}

int stat(const char *restrict path, struct stat *restrict result) { return shifted(CALL(stat, path, result), result); }
int lstat(const char *restrict path, struct stat *restrict result) { return shifted(CALL(lstat, path, result), result); }
int fstat(int fd, struct stat *result) { return shifted(CALL(fstat, fd, result), result); }
int fstatat(int fd, const char *restrict path, struct stat *restrict result, int flags) {
    return shifted(CALL(fstatat, fd, path, result, flags), result);
}

/* On a machine of 64 bits, the two structures are the same. */
_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "a machine of 64 bits");
int stat64(const char *restrict path, struct stat64 *restrict result) { return stat(path, (struct stat *)result); }
int lstat64(const char *restrict path, struct stat64 *restrict result) { return lstat(path, (struct stat *)result); }
int fstat64(int fd, struct stat64 *result) { return fstat(fd, (struct stat *)result); }
int fstatat64(int fd, const char *restrict path, struct stat64 *restrict result, int flags) {
    return fstatat(fd, path, (struct stat *)result, flags);
}

static void shift_x(struct statx_timestamp *stamp) {
    if (stamp->tv_sec >= since_s) stamp->tv_sec += ahead_s;
}

int statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict result) {
    int status = CALL(statx, fd, path, flags, mask, result);
    if (status == 0) {
        shift_x(&result->stx_atime);
        shift_x(&result->stx_btime);
        shift_x(&result->stx_ctime);
        shift_x(&result->stx_mtime);
    }
    return status;
}

/* The opposite: a timestamp that a process sets is one of the shifted calendar. */
static const struct timespec *unshifted(const struct timespec stamps[2], struct timespec copy[2]) {
    if (!stamps) return NULL;
    for (int i = 0; i < 2; i++) {
        copy[i] = stamps[i];
        if (stamps[i].tv_sec >= since_s + ahead_s) copy[i].tv_sec -= ahead_s;
    }
    return copy;
}

int utimensat(int fd, const char *path, const struct timespec stamps[2], int flags) {
    struct timespec copy[2];
    return CALL(utimensat, fd, path, unshifted(stamps, copy), flags);
}

int futimens(int fd, const struct timespec stamps[2]) {
    struct timespec copy[2];
    return CALL(futimens, fd, unshifted(stamps, copy));
}
