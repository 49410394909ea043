/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/busy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define WAIT_SECONDS 3

static void dir_close(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static bool is_inside(int dir_fd, const char *name, const char *path)
{
	char target[4096];
	size_t size = strlen(path);
	ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = 0;
	return strncmp(target, path, size) == 0 && (target[size] == '/' || target[size] == 0);
}

static bool has_open(int process_fd, const char *path)
{
	int fd = openat(process_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_(dir_close) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (is_inside(dirfd(dir), entry->d_name, path))
			return true;
	return false;
}

static bool uses(int process_fd, const char *path)
{
	return is_inside(process_fd, "cwd", path) || is_inside(process_fd, "root", path) ||
	       has_open(process_fd, path);
}

static void format_process(int process_fd, const char *pid, char *text, size_t size)
{
	own_free char *name = NULL;
	char shown[64];
	size_t length = 0;

	if (sk_io_read_file_at(process_fd, "comm", 64, &name, &length) < 0 || length == 0)
		return;
	sk_utf8_escape(shown, sizeof(shown), name, length - 1); /* without its line feed */
	(void)sk_str_format(text, size, "%s (%s)", shown, pid);
}

_Noreturn static void look(const char *path, uid_t uid, int out)
{
	own_(dir_close) DIR *dir = NULL;
	const struct dirent *entry;
	int n_found = 0;

	alarm(WAIT_SECONDS); /* nobody can end it from outside once it is the user's */
	/* Without capabilities: only the user's own programs are seen. */
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(1);
	dir = opendir("/proc");
	while (dir && n_found < MEDIA_BUSY_NAMES_MAX && (entry = readdir(dir)) != NULL) {
		char text[128] = "";

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		own_fd int process_fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (process_fd < 0 || !uses(process_fd, path))
			continue;
		format_process(process_fd, entry->d_name, text, sizeof(text));
		if (n_found++ > 0)
			(void)sk_io_write_all(out, ", ", 2);
		(void)sk_io_write_all(out, text, strlen(text));
	}
	_exit(0);
}

/* Until the child is done or the second is over. */
static size_t collect(int in, char *text, size_t size)
{
	struct pollfd more = {.fd = in, .events = POLLIN};
	size_t done = 0;

	while (done < size - 1 && poll(&more, 1, WAIT_SECONDS * 1000 + 500) > 0) {
		ssize_t n = read(in, text + done, size - 1 - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

void media_busy_format(const char *path, uid_t uid, char *text, size_t size)
{
	int ends[2];

	text[0] = 0;
	if (uid == 0 || pipe2(ends, O_CLOEXEC) < 0)
		return;
	own_fd int in = ends[0], out = ends[1];
	pid_t pid = fork();

	if (pid < 0)
		return;
	if (pid == 0)
		look(path, uid, out);
	close(own_take_fd(&out));
	text[collect(in, text, size)] = 0;
	TEMP_FAILURE_RETRY(waitpid(pid, NULL, 0));
}
