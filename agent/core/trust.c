/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/core.h"
#include "agent/core/volumes.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define SCANNER_USER "sekisho-scan"

static pid_t trusted_pid;
static int trusted_pidfd = -1;

/* The number behind "NAME:\t" in a file of /proc; -1 when there is none. */
static long find_number(const char *path, const char *name)
{
	own_free char *text = NULL;
	char wanted[32];
	const char *line;

	if (sk_io_read_file_at(AT_FDCWD, path, 65536, &text, NULL) < 0)
		return -1;
	sk_str_format(wanted, sizeof(wanted), "\n%s:\t", name);
	line = strstr(text, wanted);
	return line ? strtol(line + strlen(wanted), NULL, 10) : -1;
}

bool trust_find_uid(pid_t pid, uid_t *ret_uid)
{
	char path[64];
	long uid;

	sk_str_format(path, sizeof(path), "/proc/%d/status", (int)pid);
	uid = pid > 0 ? find_number(path, "Uid") : -1;
	if (uid < 0)
		return false;
	*ret_uid = (uid_t)uid;
	return true;
}

bool trust_is_scanner(uid_t uid)
{
	const struct passwd *user = getpwnam(SCANNER_USER);

	return user && uid == user->pw_uid;
}

static pid_t find_pid(int pidfd)
{
	char path[64];
	long pid;

	sk_str_format(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	pid = find_number(path, "Pid");
	return pid > 0 ? (pid_t)pid : -1;
}

void trust_apply(Core *core, SkGate *gate)
{
	int r = sk_gate_trust(gate, trusted_pid, trusted_pidfd);

	if (r < 0)
		sk_log(LOG_ERR, "the scanner cannot be told from other programs: %s", strerror(-r));
}

static void apply_to_all(Core *core)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->gate)
			trust_apply(core, volume->gate);
}

void trust_nobody(Core *core)
{
	if (trusted_pidfd >= 0)
		close(own_take_fd(&trusted_pidfd));
	trusted_pid = 0;
	apply_to_all(core);
}

void trust_scanner(Core *core, int pidfd)
{
	const struct passwd *user = getpwnam(SCANNER_USER);
	pid_t pid = find_pid(pidfd);
	uid_t uid;

	if (pid < 0 || !user || !trust_find_uid(pid, &uid) || uid != user->pw_uid) {
		sk_log(LOG_ERR, "process %d is not a scanner running as %s: its opens wait like all others",
			(int)pid, SCANNER_USER);
		return;
	}
	trust_nobody(core);
	trusted_pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 3);
	trusted_pid = trusted_pidfd >= 0 ? pid : 0;
	apply_to_all(core);
}
