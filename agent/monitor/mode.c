/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/mode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/monitor/apply.h"
#include "agent/monitor/block.h"
#include "agent/monitor/nodes.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

static atomic_bool enforcing_now;
static int run_fd = -1;

bool mode_is_enforcing(void)
{
	return enforcing_now;
}

static bool has_flag(int dir_fd)
{
	return faccessat(dir_fd, MODE_RUN_FLAG, F_OK, 0) == 0;
}

int mode_open(const char *run_directory, const char *conf_directory)
{
	own_fd int conf_fd = open(conf_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	/* systemd-tmpfiles made it; a monitor started by hand makes it itself. */
	if (mkdir(run_directory, 0755) < 0 && errno != EEXIST)
		return -errno;
	run_fd = open(run_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run_fd < 0)
		return -errno;
	enforcing_now = has_flag(run_fd) || (conf_fd >= 0 && has_flag(conf_fd));
	return 0;
}

static int write_flag(bool enforcing)
{
	if (enforcing)
		return sk_io_replace_file_at(run_fd, MODE_RUN_FLAG, 0644, "1\n", 2);
	return unlinkat(run_fd, MODE_RUN_FLAG, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int mode_set(Monitor *monitor, bool enforcing)
{
	int r = write_flag(enforcing);

	if (r < 0) {
		sk_log(LOG_ERR, "the flag for the udev rules cannot be set: %s", strerror(-r));
		return r;
	}
	if (enforcing_now == enforcing)
		return 0;
	enforcing_now = enforcing;
	sk_log(LOG_NOTICE, enforcing ? "enforcing: devices are denied until core allows them"
				     : "watching only: devices are left to the system");
	r = enforcing ? usb_deny_all() : usb_release_all();
	block_mode_changed(monitor);
	nodes_mode_changed(monitor);
	return r;
}
