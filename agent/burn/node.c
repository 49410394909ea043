/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/burn/node.h"

/* Not <fcntl.h>: with _FORTIFY_SOURCE it defines what is defined here. */
#include <errno.h>
#include <linux/fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/str.h"

#define SEEN_BY_LIBRARIES __attribute__((visibility("default")))
/* Above the standard ones. */
#define LOWEST 3

int fcntl(int fd, int command, ...);

static char node_path[64];
static int node_fd = -1;

void node_give(const char *path, int fd)
{
	sk_str_copy(node_path, sizeof(node_path), path);
	node_fd = fd;
}

/* Before it has a drive the process opens files like any other; afterwards the jail lets nothing be opened.
 */
static int open_path(const char *path, int flags, unsigned mode)
{
	if (node_fd >= 0 && strcmp(path, node_path) == 0)
		return fcntl(node_fd, F_DUPFD_CLOEXEC, LOWEST);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* The names under which a library calls it, which depend on how that was compiled. */
int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

SEEN_BY_LIBRARIES int open(const char *path, int flags, ...)
{
	unsigned mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, unsigned);
	va_end(arguments);
	return open_path(path, flags, mode);
}

SEEN_BY_LIBRARIES int open64(const char *path, int flags, ...)
{
	unsigned mode = 0;
	va_list arguments;

	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, unsigned);
	va_end(arguments);
	return open_path(path, flags, mode);
}

SEEN_BY_LIBRARIES int __open_2(const char *path, int flags)
{
	return open_path(path, flags, 0);
}

SEEN_BY_LIBRARIES int __open64_2(const char *path, int flags)
{
	return open_path(path, flags, 0);
}
