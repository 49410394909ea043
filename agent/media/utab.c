/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/utab.h"

#include <errno.h>
#include <libmount.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/log/log.h"

#define WAIT_MSEC 1000

/* In the child. source NULL: remove. */
static int update(const char *source, const char *path)
{
	struct libmnt_update *list = mnt_new_update();
	struct libmnt_fs *mount = source ? mnt_new_fs() : NULL;
	int r = list && (mount || !source) ? 0 : -ENOMEM;

	if (r == 0 && mount) {
		r = mnt_fs_set_source(mount, source);
		if (r == 0)
			r = mnt_fs_set_target(mount, path);
		if (r == 0)
			r = mnt_fs_set_options(mount, "uhelper=sekisho,x-gvfs-show");
	}
	if (r == 0)
		r = mnt_update_set_fs(list, 0, source ? NULL : path, mount);
	return r == 0 ? mnt_update_table(list, NULL) : r;
}

/* libmount blocks all other signals while it waits. */
static void limit_time(pid_t pid)
{
	own_fd int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = {.fd = fd, .events = POLLIN};

	if (fd < 0 || TEMP_FAILURE_RETRY(poll(&end, 1, WAIT_MSEC)) != 1)
		kill(pid, SIGKILL);
}

static void update_in_child(const char *source, const char *path)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(update(source, path) == 0 ? 0 : 1);
	if (pid > 0)
		limit_time(pid);
	if (pid < 0 || TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)) != pid || status != 0)
		sk_log(LOG_WARNING, "%s: umount(8) could not be told (%#x)", path, (unsigned)status);
}

void media_utab_add(const char *source, const char *path)
{
	update_in_child(source, path);
}

void media_utab_remove(const char *path)
{
	update_in_child(NULL, path);
}
