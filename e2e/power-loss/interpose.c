/*
 * Records what a program does to the files of one directory, in order and with all data, so that a
 * replayer can say what a disk may hold if the power fails after any of it. Preloaded (LD_PRELOAD)
 * into the real program; passes every operation through.
 *
 *   STATOR_TRACE_DIR         the directory: absolute, no symbolic link in it, need not exist yet
 *   STATOR_TRACE_FILE        where the records are appended; outside that directory
 *   STATOR_TRACE_KILL_AFTER  optional: the process kills itself after so many records, inside the
 *                            lock below, so that the trace holds exactly what was done
 *
 * Not by wrapping libc's functions: crates such as rustix enter the kernel without libc, and a rename
 * that was missed would make every image wrong. A seccomp filter raises SIGSYS for each system call
 * that can change a file, unless it comes from the one `syscall` instruction in this library; the
 * handler runs in place of the call, makes it, and records it.
 *
 * One lock spans each change and its record, hence one order for all threads. It is never held across
 * a sync: that is recorded when it is called and when it has returned, and vouches, from the second
 * record on, for what was written before the first. What is not modelled (shared writable mappings,
 * copies inside the kernel, io_uring, symbolic links) ends the process with a message. A filter
 * outlives exec and this library does not, so a traced program must not start others.
 *
 * A record, little-endian, unpadded; e2e/src/power_loss/trace.rs reads it:
 *
 *   magic u32 | kind u32 | length u64, of all | inode u64 | a u64 | b u64 | n u32 | m u32
 *   n bytes of a path | m bytes of a second one | data
 *
 * Paths are relative to the directory: "" is itself, ".." the one that holds it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/falloc.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "only x86-64: registers and numbers of system calls are its own"
#endif

enum kind {
    START = 1,   /* a process begins */
    CREATE,      /* inode, path: a new file */
    WRITE,       /* inode, a = offset, data */
    ZEROS,       /* inode, a = offset, b = count: a write of zeros */
    RESIZE,      /* inode, a = size */
    RENAME,      /* two paths */
    UNLINK,      /* path */
    MKDIR,       /* inode, path */
    RMDIR,       /* path */
    LINK,        /* two paths: the old name, the new one */
    SYNC_CALL,   /* inode, path, a = id, b = 1 for fdatasync */
    SYNC_RETURN, /* inode, path, a = id, b = as above: it has succeeded */
};

struct header {
    uint32_t magic, kind;
    uint64_t length, inode, a, b;
    uint32_t first, second;
};
#define MAGIC 0x4c505453u

static char root[PATH_MAX], parent[PATH_MAX];
static size_t root_length, parent_length;
static int trace = -1;
static uint64_t records, kill_after, syncs;
static uint32_t lock_state;

/* The only instruction whose system calls the filter lets through. */
long stator_call(long number, long a, long b, long c, long d, long e, long f);
extern char stator_call_returns[];
__asm__(".text\n"
        ".hidden stator_call\n.globl stator_call\n.type stator_call, @function\n"
        ".hidden stator_call_returns\n.globl stator_call_returns\n"
        "stator_call:\n"
        "  mov %rdi, %rax\n  mov %rsi, %rdi\n  mov %rdx, %rsi\n  mov %rcx, %rdx\n"
        "  mov %r8, %r10\n  mov %r9, %r8\n  mov 8(%rsp), %r9\n"
        "  syscall\n"
        "stator_call_returns:\n"
        "  ret\n"
        ".size stator_call, . - stator_call\n");

#define CALL(number, a, b, c) stator_call(number, (long)(a), (long)(b), (long)(c), 0, 0, 0)

static void die(const char *why) {
    static const char lead[] = "power-loss trace: cannot go on: ";
    CALL(SYS_write, 2, lead, sizeof lead - 1);
    CALL(SYS_write, 2, why, strlen(why));
    CALL(SYS_write, 2, "\n", 1);
    CALL(SYS_exit_group, 134, 0, 0);
    __builtin_unreachable();
}

/* A futex: 0 free, 1 held, 2 held and waited for. The handler blocks all signals, so that no other
 * handler on the same thread can find the lock held by itself. */
static void lock(void) {
    uint32_t free = 0;
    if (__atomic_compare_exchange_n(&lock_state, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&lock_state, 2, __ATOMIC_ACQUIRE) != 0)
        stator_call(SYS_futex, (long)&lock_state, 128 /* WAIT, private */, 2, 0, 0, 0);
}

static void unlock(void) {
    if (__atomic_exchange_n(&lock_state, 0, __ATOMIC_RELEASE) == 2)
        stator_call(SYS_futex, (long)&lock_state, 129 /* WAKE, private */, 1, 0, 0, 0);
}

static void put(const void *bytes, size_t length) {
    while (length > 0) {
        long put = CALL(SYS_write, trace, bytes, length);
        if (put == -EINTR)
            continue;
        if (put <= 0)
            die("the trace cannot be written");
        bytes = (const char *)bytes + put;
        length -= (size_t)put;
    }
}

/* Appends a record; the lock must be held. Its data are the first `length` bytes of the pieces. */
static void record(enum kind kind, uint64_t inode, uint64_t a, uint64_t b, const char *first,
                   const char *second, const struct iovec *piece, size_t length) {
    struct header header = {MAGIC, kind, 0, inode, a, b, 0, 0};
    header.first = first ? (uint32_t)strlen(first) : 0;
    header.second = second ? (uint32_t)strlen(second) : 0;
    header.length = sizeof header + header.first + header.second + length;
    put(&header, sizeof header);
    put(first, header.first);
    put(second, header.second);
    for (; length > 0; piece++) {
        size_t part = piece->iov_len < length ? piece->iov_len : length;
        put(piece->iov_base, part);
        length -= part;
    }
    if (++records == kill_after)
        CALL(SYS_kill, CALL(SYS_getpid, 0, 0, 0), SIGKILL, 0);
}

/* Makes an absolute path relative to the directory, in place; NULL if it lies elsewhere. */
static char *relative(char *path) {
    char *from = path, *to = path;
    while (*from) { /* no "//" and no "/./" */
        if (from[0] == '/' && from[1] == '/')
            from++;
        else if (from[0] == '/' && from[1] == '.' && (from[2] == '/' || !from[2]))
            from += 2;
        else
            *to++ = *from++;
    }
    *to = 0;
    if (to > path + 1 && to[-1] == '/')
        *--to = 0;
    if (!strcmp(path, parent)) {
        strcpy(path, "..");
        return path;
    }
    if (strncmp(path, root, root_length) || (path[root_length] && path[root_length] != '/'))
        return NULL;
    path += root_length + (path[root_length] == '/');
    if (strstr(path, ".."))
        die("a path with \"..\" in it");
    return path;
}

/* The path behind a descriptor, made relative. */
static char *path_of(int fd, char buffer[PATH_MAX]) {
    char link[32] = "/proc/self/fd/";
    char digits[12], *to = link + strlen(link);
    int count = 0;
    if (fd < 0)
        return NULL;
    do
        digits[count++] = (char)('0' + fd % 10);
    while ((fd /= 10) > 0);
    while (count > 0)
        *to++ = digits[--count];
    *to = 0;
    long length = CALL(SYS_readlink, link, buffer, PATH_MAX - 1);
    if (length <= 0)
        return NULL;
    buffer[length] = 0;
    return buffer[0] == '/' ? relative(buffer) : NULL;
}

/* The path that a call names by directory and path, made relative. */
static char *path_at(int dir, const char *path, char buffer[PATH_MAX]) {
    size_t length = 0;
    if (!path)
        return NULL;
    if (path[0] != '/') {
        if (dir == AT_FDCWD) {
            if (CALL(SYS_getcwd, buffer, PATH_MAX, 0) <= 0)
                return NULL;
        } else {
            char found[PATH_MAX], *base = path_of(dir, found);
            if (!base || !strcmp(base, ".."))
                return NULL;
            memcpy(buffer, root, root_length);
            buffer[root_length] = '/';
            strcpy(buffer + root_length + 1, base);
        }
        length = strlen(buffer);
        buffer[length++] = '/';
    }
    if (length + strlen(path) >= PATH_MAX)
        return NULL;
    strcpy(buffer + length, path);
    return relative(buffer);
}

static uint64_t inode_of(int fd, mode_t *mode) {
    struct stat about;
    if (CALL(SYS_fstat, fd, &about, 0) < 0)
        die("an open file has no status");
    *mode = about.st_mode;
    return about.st_ino;
}

static long serve_open(long number, const long *at, int dir, const char *name, long flags, long mode) {
    char buffer[PATH_MAX], *path = path_at(dir, name, buffer);
    struct stat about;
    mode_t type;
    if (!path)
        return stator_call(number, at[0], at[1], at[2], at[3], at[4], at[5]);
    if ((flags & O_TMPFILE) == O_TMPFILE)
        die("O_TMPFILE");
    lock();
    int there = stator_call(SYS_newfstatat, dir, (long)name, (long)&about, 0, 0, 0) == 0;
    long fd = stator_call(SYS_openat, dir, (long)name, flags, mode, 0, 0);
    if (fd >= 0) {
        uint64_t inode = inode_of((int)fd, &type);
        if (S_ISREG(type) && !there)
            record(CREATE, inode, 0, 0, path, NULL, NULL, 0);
        else if (S_ISREG(type) && (flags & O_TRUNC))
            record(RESIZE, inode, 0, 0, NULL, NULL, NULL, 0);
    }
    unlock();
    return fd;
}

static int all_zeros(const struct iovec *piece, size_t length) {
    const char *bytes = piece->iov_base;
    return length >= 4096 && length <= piece->iov_len && bytes[0] == 0 &&
           memcmp(bytes, bytes + 1, length - 1) == 0;
}

/* The call's pieces hold what it was to write; offset is -1 where the file's own position counts. */
static long serve_write(long number, const long *at, const struct iovec *piece, int64_t offset) {
    char buffer[PATH_MAX], *path = path_of((int)at[0], buffer);
    mode_t type = 0;
    uint64_t inode = path ? inode_of((int)at[0], &type) : 0;
    if (!S_ISREG(type))
        return stator_call(number, at[0], at[1], at[2], at[3], at[4], at[5]);
    if (offset >= 0 && (CALL(SYS_fcntl, at[0], F_GETFL, 0) & O_APPEND))
        die("a write at a position to a file opened for appending");
    lock();
    long written = stator_call(number, at[0], at[1], at[2], at[3], at[4], at[5]);
    if (written > 0) {
        if (offset < 0)
            offset = CALL(SYS_lseek, at[0], 0, SEEK_CUR) - written;
        if (all_zeros(piece, (size_t)written))
            record(ZEROS, inode, (uint64_t)offset, (uint64_t)written, NULL, NULL, NULL, 0);
        else
            record(WRITE, inode, (uint64_t)offset, 0, NULL, NULL, piece, (size_t)written);
    }
    unlock();
    return written;
}

/* ftruncate and fallocate, which leave the size as the file's status says afterwards. */
static long serve_resize(long number, const long *at) {
    char buffer[PATH_MAX];
    struct stat before, after;
    if (!path_of((int)at[0], buffer))
        return stator_call(number, at[0], at[1], at[2], at[3], at[4], at[5]);
    if (number == SYS_fallocate && (at[1] & ~(long)FALLOC_FL_KEEP_SIZE))
        die("fallocate other than for room");
    lock();
    CALL(SYS_fstat, at[0], &before, 0);
    long result = stator_call(number, at[0], at[1], at[2], at[3], at[4], at[5]);
    if (result == 0 && CALL(SYS_fstat, at[0], &after, 0) == 0 && before.st_size != after.st_size)
        record(RESIZE, after.st_ino, (uint64_t)after.st_size, 0, NULL, NULL, NULL, 0);
    unlock();
    return result;
}

static long serve_sync(long number, const long *at) {
    char buffer[PATH_MAX], *path = path_of((int)at[0], buffer);
    mode_t type;
    if (!path)
        return stator_call(number, at[0], 0, 0, 0, 0, 0);
    uint64_t inode = inode_of((int)at[0], &type), data_only = number == SYS_fdatasync;
    lock();
    uint64_t id = ++syncs;
    record(SYNC_CALL, inode, id, data_only, path, NULL, NULL, 0);
    unlock();
    long result = stator_call(number, at[0], 0, 0, 0, 0, 0);
    if (result == 0) {
        lock();
        record(SYNC_RETURN, inode, id, data_only, path, NULL, NULL, 0);
        unlock();
    }
    return result;
}

/* rename and link, in all their forms. */
static long serve_two_names(enum kind kind, long number, const long *at, int from_dir,
                            const char *from, int to_dir, const char *to) {
    char one[PATH_MAX], two[PATH_MAX];
    char *first = path_at(from_dir, from, one), *second = path_at(to_dir, to, two);
    if (!first != !second)
        die("a name moved into or out of the directory");
    lock();
    long result = stator_call(number, at[0], at[1], at[2], at[3], at[4], at[5]);
    if (result == 0 && first)
        record(kind, 0, 0, 0, first, second, NULL, 0);
    unlock();
    return result;
}

/* unlink, rmdir and mkdir, in all their forms. */
static long serve_name(enum kind kind, long number, const long *at, int dir, const char *name) {
    char buffer[PATH_MAX], *path = path_at(dir, name, buffer);
    struct stat about = {0};
    lock();
    long result = stator_call(number, at[0], at[1], at[2], at[3], at[4], at[5]);
    if (result == 0 && path) {
        if (kind == MKDIR)
            stator_call(SYS_newfstatat, dir, (long)name, (long)&about, 0, 0, 0);
        record(kind, about.st_ino, 0, 0, path, NULL, NULL, 0);
    }
    unlock();
    return result;
}

/* Calls that are let through only where they touch other files. */
static long serve_elsewhere(long number, const long *at, int fd, const char *what) {
    char buffer[PATH_MAX];
    if (path_of(fd, buffer))
        die(what);
    return stator_call(number, at[0], at[1], at[2], at[3], at[4], at[5]);
}

static long serve(long number, const long *at) {
    const char *const one = (const char *)at[0], *const two = (const char *)at[1];
    struct iovec piece = {(void *)at[1], (size_t)at[2]};
    switch (number) {
    case SYS_open: return serve_open(number, at, AT_FDCWD, one, at[1], at[2]);
    case SYS_creat:
        return serve_open(number, at, AT_FDCWD, one, O_CREAT | O_WRONLY | O_TRUNC, at[1]);
    case SYS_openat: return serve_open(number, at, (int)at[0], two, at[2], at[3]);
    case SYS_write: return serve_write(number, at, &piece, -1);
    case SYS_pwrite64: return serve_write(number, at, &piece, at[3]);
    case SYS_writev: return serve_write(number, at, (struct iovec *)at[1], -1);
    case SYS_pwritev:
    case SYS_pwritev2: return serve_write(number, at, (struct iovec *)at[1], at[3]);
    case SYS_ftruncate:
    case SYS_fallocate: return serve_resize(number, at);
    case SYS_fsync:
    case SYS_fdatasync: return serve_sync(number, at);
    case SYS_rename: return serve_two_names(RENAME, number, at, AT_FDCWD, one, AT_FDCWD, two);
    case SYS_renameat2:
        if (at[4] & RENAME_EXCHANGE)
            die("two names exchanged");
        /* fall through */
    case SYS_renameat:
        return serve_two_names(RENAME, number, at, (int)at[0], two, (int)at[2], (char *)at[3]);
    case SYS_link: return serve_two_names(LINK, number, at, AT_FDCWD, one, AT_FDCWD, two);
    case SYS_linkat:
        return serve_two_names(LINK, number, at, (int)at[0], two, (int)at[2], (char *)at[3]);
    case SYS_unlink: return serve_name(UNLINK, number, at, AT_FDCWD, one);
    case SYS_unlinkat:
        return serve_name(at[2] & AT_REMOVEDIR ? RMDIR : UNLINK, number, at, (int)at[0], two);
    case SYS_rmdir: return serve_name(RMDIR, number, at, AT_FDCWD, one);
    case SYS_mkdir: return serve_name(MKDIR, number, at, AT_FDCWD, one);
    case SYS_mkdirat: return serve_name(MKDIR, number, at, (int)at[0], two);
    case SYS_mmap: return serve_elsewhere(number, at, (int)at[4], "a shared writable mapping");
    case SYS_copy_file_range:
    case SYS_splice: return serve_elsewhere(number, at, (int)at[2], "a copy inside the kernel");
    case SYS_sendfile:
    case SYS_ioctl: return serve_elsewhere(number, at, (int)at[0], "a copy inside the kernel");
    default: die("a system call that changes files and is not modelled"); return -ENOSYS;
    }
}

static void on_call(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const long at[6] = {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                        registers[REG_R10], registers[REG_R8],  registers[REG_R9]};
    (void)signal;
    registers[REG_RAX] = serve(info->si_syscall, at);
}

static struct sock_filter filter[160];
static unsigned short filter_length;

static void add(uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false) {
    filter[filter_length++] = (struct sock_filter){code, if_true, if_false, k};
}
#define LOAD(field) add(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(field), 0, 0)
#define IF_EQUAL(value, otherwise) add(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, otherwise)
#define IF_ANY_BIT(mask, otherwise) add(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(mask), 0, otherwise)
#define RETURN(what) add(BPF_RET | BPF_K, what, 0, 0)
#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + 8 * (n))

static void build_filter(void) {
    static const int always[] = {
        SYS_write,     SYS_pwrite64,   SYS_writev,    SYS_pwritev,   SYS_pwritev2, SYS_ftruncate,
        SYS_fallocate, SYS_fsync,      SYS_fdatasync, SYS_rename,    SYS_renameat, SYS_renameat2,
        SYS_link,      SYS_linkat,     SYS_unlink,    SYS_unlinkat,  SYS_rmdir,    SYS_mkdir,
        SYS_mkdirat,   SYS_creat,      SYS_splice,    SYS_sendfile,  SYS_symlink,  SYS_symlinkat,
        SYS_truncate,  SYS_io_submit,  SYS_copy_file_range,          SYS_openat2,
        SYS_io_uring_setup,
    };
    const uintptr_t own = (uintptr_t)stator_call_returns;
    LOAD(offsetof(struct seccomp_data, arch));
    IF_EQUAL(AUDIT_ARCH_X86_64, 1);
    add(BPF_JMP | BPF_JA, 1, 0, 0);
    RETURN(SECCOMP_RET_KILL_PROCESS);
    LOAD(offsetof(struct seccomp_data, instruction_pointer));
    IF_EQUAL(own, 3);
    LOAD(offsetof(struct seccomp_data, instruction_pointer) + 4);
    IF_EQUAL(own >> 32, 1);
    RETURN(SECCOMP_RET_ALLOW);
    LOAD(offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) {
        IF_EQUAL(always[i], 1);
        RETURN(SECCOMP_RET_TRAP);
    }
    for (int at_directory = 0; at_directory < 2; at_directory++) {
        IF_EQUAL(at_directory ? SYS_openat : SYS_open, 4);
        LOAD(ARGUMENT(1 + at_directory));
        IF_ANY_BIT(O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY), 1);
        RETURN(SECCOMP_RET_TRAP);
        RETURN(SECCOMP_RET_ALLOW);
    }
    IF_EQUAL(SYS_mmap, 6);
    LOAD(ARGUMENT(3));
    IF_ANY_BIT(MAP_SHARED, 3);
    LOAD(ARGUMENT(2));
    IF_ANY_BIT(PROT_WRITE, 1);
    RETURN(SECCOMP_RET_TRAP);
    RETURN(SECCOMP_RET_ALLOW);
    IF_EQUAL(SYS_ioctl, 5);
    LOAD(ARGUMENT(1));
    IF_EQUAL(FICLONE, 1);
    RETURN(SECCOMP_RET_TRAP);
    IF_EQUAL(FICLONERANGE, 1);
    RETURN(SECCOMP_RET_TRAP);
    RETURN(SECCOMP_RET_ALLOW);
}

__attribute__((constructor)) static void begin(void) {
    const char *dir = getenv("STATOR_TRACE_DIR"), *file = getenv("STATOR_TRACE_FILE");
    const char *life = getenv("STATOR_TRACE_KILL_AFTER");
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};
    if (!dir || !file)
        return;
    root_length = strlen(dir);
    if (dir[0] != '/' || root_length < 2 || root_length >= PATH_MAX || dir[root_length - 1] == '/')
        die("STATOR_TRACE_DIR must be an absolute path");
    strcpy(root, dir);
    parent_length = (size_t)(strrchr(root, '/') - root);
    memcpy(parent, root, parent_length);
    kill_after = life ? strtoull(life, NULL, 10) : 0;
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    /* Out of the way: programs and their logs know the low numbers. */
    trace = fcntl(fd, F_DUPFD_CLOEXEC, 400);
    if (trace < 0)
        die("the trace cannot be opened");
    close(fd);
    sigfillset(&action.sa_mask);
    build_filter();
    struct sock_fprog program = {filter_length, filter};
    record(START, 0, (uint64_t)getpid(), 0, NULL, NULL, NULL, 0);
    if (sigaction(SIGSYS, &action, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        die("the system refuses the filter");
}
