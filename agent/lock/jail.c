/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/jail.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "lib/jail/jail.h"

static const int capabilities[] = {
	CAP_SYS_TTY_CONFIG, /* VT_LOCKSWITCH */
	CAP_SYS_PTRACE,	    /* which program a process of a user's runs: /proc/PID/exe; what one of root's has
			       open: fd */
	-1,
};

static const SkJailLimit limits[] = {
	{RLIMIT_CORE, 0},
	{.resource = -1},
};

int lock_jail_enter(void)
{
	const SkJail jail = {.name = "sekisho-lock",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.capabilities = capabilities,
		.limits = limits};

	return sk_jail_enter(&jail);
}
