/* Loaded before libc (LD_PRELOAD): writes down what a process does to files under a folder, with the
 * bytes, and can have the disk be full after a number of bytes.
 *
 *   DISK_ROOT  the folder     DISK_LOG  where it is written down     DISK_BYTES  what the disk takes
 *
 * A record is a line "operation<TAB>offset<TAB>length<TAB>path<TAB>second path", then `length` bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 65536

static char *paths[FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long taken;

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static void note(const char *op, long offset, const char *path, const char *other, const void *data,
                 size_t length) {
    static int log = -1;
    char line[3 * PATH_MAX];
    struct iovec parts[2];
    int saved = errno;
    pthread_mutex_lock(&lock);
    if (log < 0)
        log = syscall(SYS_openat, AT_FDCWD, getenv("DISK_LOG"),
                      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int n = snprintf(line, sizeof line, "%s\t%ld\t%zu\t%s\t%s\n", op, offset, length, path, other);
    parts[0] = (struct iovec){line, (size_t)n};
    parts[1] = (struct iovec){(void *)data, length};
    if (syscall(SYS_writev, log, parts, length ? 2 : 1) < 0) abort();
    pthread_mutex_unlock(&lock);
    errno = saved;
}

/* The absolute path if it is under the root, else NULL; in `out`. */
static const char *ours(int dir, const char *path, char *out) {
    const char *root = getenv("DISK_ROOT");
    if (!root || !path) return NULL;
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
    } else {
        char base[PATH_MAX], link[64];
        ssize_t n;
        if (dir == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return NULL;
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
            if ((n = readlink(link, base, sizeof base - 1)) < 0) return NULL;
            base[n] = 0;
        }
        snprintf(out, PATH_MAX, "%.2000s/%.2000s", base, path);
    }
    size_t n = strlen(root);
    return strncmp(out, root, n) == 0 && out[n] == '/' ? out + n + 1 : NULL;
}

static int full(size_t more) {
    const char *limit = getenv("DISK_BYTES");
    if (!limit) return 0;
    if (__sync_add_and_fetch(&taken, (long)more) <= atol(limit)) return 0;
    errno = ENOSPC;
    return 1;
}

static const char *path_of(int fd) { return fd >= 0 && fd < FDS ? paths[fd] : NULL; }

/* Files that were made, by inode: Rust's rustix renames without libc, so it is seen afterwards. */
static struct { ino_t inode; char *path; } known[4096];
static int many;

static void moved(const char *from, const char *to) {
    size_t n = strlen(from);
    for (int i = 0; i < many; i++) {
        char *old = known[i].path, new[2 * PATH_MAX];
        if (strncmp(old, from, n) || (old[n] && old[n] != '/')) continue;
        snprintf(new, sizeof new, "%s%s", to, old + n);
        known[i].path = strdup(new);
        free(old);
    }
}

static void recognise(struct stat st, const char *path, int new) {
    if (!S_ISREG(st.st_mode)) return;
    int i = 0;
    while (i < many && known[i].inode != st.st_ino) i++;
    if (i < many && !new && strcmp(known[i].path, path)) {
        note("rename", 0, known[i].path, path, NULL, 0);
        moved(known[i].path, path);
    } else if (new && i < 4096) {
        if (i == many) many++;
        else free(known[i].path);
        known[i].inode = st.st_ino;
        known[i].path = strdup(path);
    }
}

static void opened(int fd, const char *path, int flags, int new) {
    if (fd < 0 || fd >= FDS) return;
    struct stat st;
    if (fstat(fd, &st) == 0) recognise(st, path, new);
    if (new) note("create", 0, path, "", NULL, 0);
    else if (flags & O_TRUNC) note("truncate", 0, path, "", NULL, 0);
    free(paths[fd]);
    paths[fd] = strdup(path);
}

static int open_any(int dir, const char *name, int flags, mode_t mode) {
    char whole[PATH_MAX];
    struct stat st;
    const char *path = ours(dir, name, whole);
    int new = path && (flags & O_CREAT) && stat(whole, &st) != 0;
    int fd = syscall(SYS_openat, dir, name, flags, mode);
    if (path && fd >= 0) opened(fd, path, flags, new);
    else if (fd >= 0 && fd < FDS) { free(paths[fd]); paths[fd] = NULL; }
    return fd;
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list a; va_start(a, flags); \
    mode = va_arg(a, mode_t); va_end(a); }
int open(const char *p, int flags, ...) { MODE return open_any(AT_FDCWD, p, flags, mode); }
int open64(const char *p, int flags, ...) { MODE return open_any(AT_FDCWD, p, flags, mode); }
int openat(int d, const char *p, int flags, ...) { MODE return open_any(d, p, flags, mode); }
int openat64(int d, const char *p, int flags, ...) { MODE return open_any(d, p, flags, mode); }

static FILE *stream(const char *name, const char *mode, const char *which) {
    char whole[PATH_MAX];
    struct stat st;
    const char *path = ours(AT_FDCWD, name, whole);
    int new = path && mode[0] != 'r' && stat(whole, &st) != 0;
    FILE *file = ((FILE * (*)(const char *, const char *)) real(which))(name, mode);
    if (path && file) opened(fileno(file), path, mode[0] == 'w' ? O_TRUNC : 0, new);
    return file;
}
FILE *fopen(const char *p, const char *mode) { return stream(p, mode, "fopen"); }
FILE *fopen64(const char *p, const char *mode) { return stream(p, mode, "fopen64"); }

int close(int fd) {
    if (fd >= 0 && fd < FDS) { free(paths[fd]); paths[fd] = NULL; }
    return syscall(SYS_close, fd);
}

ssize_t write(int fd, const void *data, size_t length) {
    const char *path = path_of(fd);
    if (path && full(length)) return -1;
    ssize_t n = syscall(SYS_write, fd, data, length);
    if (path && n > 0) note("write", lseek(fd, 0, SEEK_CUR) - n, path, "", data, (size_t)n);
    return n;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    const char *path = path_of(fd);
    if (path && full(length)) return -1;
    ssize_t n = syscall(SYS_pwrite64, fd, data, length, offset);
    if (path && n > 0) note("write", offset, path, "", data, (size_t)n);
    return n;
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return pwrite64(fd, data, length, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!path_of(fd)) return syscall(SYS_writev, fd, parts, count);
    ssize_t done = 0;
    for (int i = 0; i < count; i++) {
        ssize_t n = write(fd, parts[i].iov_base, parts[i].iov_len);
        if (n < 0) return done ? done : n;
        done += n;
        if ((size_t)n < parts[i].iov_len) break;
    }
    return done;
}

/* Copies within the kernel are declined, so that they come as writes. */
ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    if (path_of(out)) { errno = ENOTSOCK; return -1; }
    return syscall(SYS_sendfile, out, in, offset, count);
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) {
    return sendfile(out, in, offset, count);
}
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t n, unsigned flags) {
    if (path_of(out)) { errno = EXDEV; return -1; }
    return syscall(SYS_copy_file_range, in, from, out, to, n, flags);
}

int ftruncate64(int fd, off64_t length) {
    int done = syscall(SYS_ftruncate, fd, length);
    if (done == 0 && path_of(fd)) note("truncate", length, path_of(fd), "", NULL, 0);
    return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int flushed(int fd, long number) {
    char link[64], whole[PATH_MAX];
    int done = syscall(number, fd);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, whole, sizeof whole - 1);
    if (done == 0 && n > 0) {
        char out[PATH_MAX];
        whole[n] = 0;
        const char *root = getenv("DISK_ROOT"), *path = ours(AT_FDCWD, whole, out);
        if (root && strcmp(root, whole) == 0) path = ".";
        if (path) note("sync", 0, path, "", NULL, 0);
    }
    return done;
}
int fsync(int fd) { return flushed(fd, SYS_fsync); }
int fdatasync(int fd) { return flushed(fd, SYS_fdatasync); }

static int renamed(int d1, const char *from, int d2, const char *to) {
    char a[PATH_MAX], b[PATH_MAX];
    const char *first = ours(d1, from, a), *second = ours(d2, to, b);
    struct stat st;
    if (first && lstat(a, &st) == 0) recognise(st, first, 0);
    int done = syscall(SYS_renameat2, d1, from, d2, to, 0);
    if (done == 0 && (first || second))
        note("rename", 0, first ? first : "?", second ? second : "?", NULL, 0);
    if (done == 0 && first && second) moved(first, second);
    return done;
}
int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int d1, const char *from, int d2, const char *to) { return renamed(d1, from, d2, to); }

static int removed(int dir, const char *name, int flags) {
    char whole[PATH_MAX];
    const char *path = ours(dir, name, whole);
    struct stat st;
    if (path && lstat(whole, &st) == 0) recognise(st, path, 0);
    int done = syscall(SYS_unlinkat, dir, name, flags);
    if (done == 0 && path) note("remove", 0, path, "", NULL, 0);
    return done;
}
int unlink(const char *name) { return removed(AT_FDCWD, name, 0); }
int unlinkat(int dir, const char *name, int flags) { return removed(dir, name, flags); }
int rmdir(const char *name) { return removed(AT_FDCWD, name, AT_REMOVEDIR); }

static int made(int dir, const char *name, mode_t mode) {
    char whole[PATH_MAX];
    const char *path = ours(dir, name, whole);
    int done = syscall(SYS_mkdirat, dir, name, mode);
    if (done == 0 && path) note("mkdir", 0, path, "", NULL, 0);
    return done;
}
int mkdir(const char *name, mode_t mode) { return made(AT_FDCWD, name, mode); }
int mkdirat(int dir, const char *name, mode_t mode) { return made(dir, name, mode); }
