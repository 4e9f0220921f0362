// A library to be preloaded. It makes calls on files of a directory fail while
// there is a file ".faults" in the directory, of lines
//
//	CALL ERRNO SUFFIX ID AFTER TIMES
//
// The calls CALL (read, write, sync, truncate or any) on files whose name ends in
// SUFFIX (* for any) fail with ERRNO: not the first AFTER of them, and not more
// than TIMES (0 for ever). ID is the number to count them by.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define IDS 65536

static int counts[IDS];

// fault says with which error a call on a file fails; 0 if it does not.
static int fault(const char *call, int fd) {
	char link[64], path[PATH_MAX], control[PATH_MAX + 16], rules[4096];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n <= 0 || path[0] != '/')
		return 0;
	path[n] = 0;
	char *name = strrchr(path, '/');
	snprintf(control, sizeof control, "%.*s/.faults", (int)(name - path), path);
	int f = open(control, O_RDONLY | O_CLOEXEC);
	if (f < 0)
		return 0;
	n = ((ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read"))(f, rules, sizeof rules - 1);
	close(f);
	if (n <= 0)
		return 0;
	rules[n] = 0;
	char *rest = NULL;
	for (char *rule = strtok_r(rules, "\n", &rest); rule; rule = strtok_r(NULL, "\n", &rest)) {
		char which[16], suffix[256];
		int error, id, after, times;
		if (sscanf(rule, "%15s %d %255s %d %d %d", which, &error, suffix, &id, &after, &times) != 6)
			continue;
		if (strcmp(which, call) && strcmp(which, "any"))
			continue;
		size_t have = strlen(name), want = strlen(suffix);
		if (strcmp(suffix, "*") && (have < want || strcmp(name + have - want, suffix)))
			continue;
		int count = __sync_fetch_and_add(&counts[id % IDS], 1);
		if (count >= after && (!times || count < after + times))
			return error;
	}
	return 0;
}

#define FAIL(call, fd)                        \
	do {                                      \
		int saved = errno, e = fault(call, fd); \
		errno = saved;                        \
		if (e) {                              \
			errno = e;                        \
			return -1;                        \
		}                                     \
	} while (0)

#define WRAP(call, type, name, params, args)                       \
	type name params {                                             \
		static type(*real) params;                                 \
		if (!real)                                                 \
			real = (type(*) params)dlsym(RTLD_NEXT, #name);        \
		FAIL(call, fd);                                            \
		return real args;                                          \
	}

WRAP("read", ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n))
WRAP("read", ssize_t, pread, (int fd, void *buf, size_t n, off_t at), (fd, buf, n, at))
WRAP("read", ssize_t, pread64, (int fd, void *buf, size_t n, off64_t at), (fd, buf, n, at))
WRAP("write", ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))
WRAP("write", ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at))
WRAP("write", ssize_t, pwrite64, (int fd, const void *buf, size_t n, off64_t at), (fd, buf, n, at))
WRAP("sync", int, fsync, (int fd), (fd))
WRAP("sync", int, fdatasync, (int fd), (fd))
WRAP("truncate", int, ftruncate, (int fd, off_t n), (fd, n))
WRAP("truncate", int, ftruncate64, (int fd, off64_t n), (fd, n))
