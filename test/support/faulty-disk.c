// Preloaded into a server (LD_PRELOAD), it makes the disk under one folder fail as the test says, which the real
// one does too seldom. FAULTY_DISK_FOLDER is the folder, FAULTY_DISK_CONTROL a file outside it that holds
// "error E" (every write and sync fails with this errno), "error E SUFFIX" (those to files whose names end so), "unsynced E"
// (writes go well and syncs fail), "slow MS" (every sync takes so long) or nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum kind { HEALTHY, ERROR, UNSYNCED, SLOW };
struct fault { enum kind kind; int value; char suffix[32]; };

static struct fault fault_now(void) {
  struct fault none = {HEALTHY, 0, ""}, fault = none;
  const char *path = getenv("FAULTY_DISK_CONTROL");
  int file = path == NULL ? -1 : REAL(open)(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return none;
  char text[64] = {0};
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return none;
  if (sscanf(text, "error %d %31s", &fault.value, fault.suffix) >= 1) fault.kind = ERROR;
  else if (sscanf(text, "unsynced %d", &fault.value) == 1) fault.kind = UNSYNCED;
  else if (sscanf(text, "slow %d", &fault.value) == 1) fault.kind = SLOW;
  return fault;
}

static int is_ours(const char *path) {
  const char *folder = getenv("FAULTY_DISK_FOLDER");
  size_t length = folder == NULL ? 0 : strlen(folder);
  return length > 0 && strncmp(path, folder, length) == 0 && path[length] == '/';
}

// Whether it is in the folder, and its name ends so.
static int is_our_file(int file, const char *suffix) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  size_t end = strlen(suffix);
  if (length < (ssize_t)end) return 0;
  path[length] = 0;
  return is_ours(path) && strcmp(path + length - end, suffix) == 0;
}

// 1 = fail, errno is set.
static int fails(int file) {
  if (!is_our_file(file, "")) return 0;
  struct fault fault = fault_now();
  if (fault.kind != ERROR || !is_our_file(file, fault.suffix)) return 0;
  errno = fault.value;
  return 1;
}

static int sync_fails(int file) {
  if (!is_our_file(file, "")) return 0;
  struct fault fault = fault_now();
  if (fault.kind == SLOW) {
    struct timespec pause = {fault.value / 1000, (fault.value % 1000) * 1000000L};
    nanosleep(&pause, NULL);
  }
  if (fault.kind != UNSYNCED && (fault.kind != ERROR || !is_our_file(file, fault.suffix))) return 0;
  errno = fault.value;
  return 1;
}

// A file system that is read-only cannot be opened for writing either.
static int open_fails(const char *path, int flags) {
  if ((flags & O_ACCMODE) == O_RDONLY || !is_ours(path)) return 0;
  struct fault fault = fault_now();
  if (fault.kind != ERROR || fault.value != EROFS) return 0;
  errno = EROFS;
  return 1;
}

#define OPEN(name)                                         \
  int name(const char *path, int flags, ...) {             \
    va_list rest;                                          \
    va_start(rest, flags);                                 \
    mode_t mode = va_arg(rest, mode_t);                    \
    va_end(rest);                                          \
    return open_fails(path, flags) ? -1 : REAL(name)(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

ssize_t write(int file, const void *bytes, size_t length) {
  return fails(file) ? -1 : REAL(write)(file, bytes, length);
}
ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
  return fails(file) ? -1 : REAL(pwrite)(file, bytes, length, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
  return fails(file) ? -1 : REAL(pwrite64)(file, bytes, length, at);
}
int ftruncate(int file, off_t length) { return fails(file) ? -1 : REAL(ftruncate)(file, length); }
int ftruncate64(int file, off64_t length) { return fails(file) ? -1 : REAL(ftruncate64)(file, length); }
int fsync(int file) { return sync_fails(file) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return sync_fails(file) ? -1 : REAL(fdatasync)(file); }
