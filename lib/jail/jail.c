/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/jail/jail.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/jail/landlock.h"
#include "lib/jail/filter.h"

static int apply_limits(const SkJailLimit *limits)
{
	for (; limits && limits->resource >= 0; limits++) {
		struct rlimit limit = {.rlim_cur = limits->value, .rlim_max = limits->value};

		if (setrlimit(limits->resource, &limit) < 0)
			return -errno;
	}
	return 0;
}

/* Changes identity and drops every capability that is not listed, from the bounding set too where that is
 * allowed. */
static int apply_identity(const SkJail *jail)
{
	/* Without CAP_SETPCAP the bounding set is out of reach; no_new_privs, set later, makes it harmless.
	 */
	bool may_bound = capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);

	capng_clear(CAPNG_SELECT_BOTH);
	for (const int *cap = jail->capabilities; cap && *cap >= 0; cap++)
		if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
			    (unsigned)*cap) < 0)
			return -EINVAL;
	if (jail->uid != (uid_t)-1) {
		unsigned flags = CAPNG_DROP_SUPP_GRP | (may_bound ? CAPNG_CLEAR_BOUNDING : 0);

		return capng_change_id((int)jail->uid, (int)jail->gid, (capng_flags_t)flags) < 0 ? -EPERM : 0;
	}
	if (may_bound && capng_apply(CAPNG_SELECT_BOUNDS) < 0)
		return -EPERM;
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

int sk_jail_enter(const SkJail *jail)
{
	int r = apply_limits(jail->limits);

	if (r < 0)
		return r;
	r = apply_identity(jail);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	r = jail->paths ? sk_landlock_apply(jail->paths, jail->reads_anywhere) : 0;
	if (r < 0)
		return r;
	return jail->calls ? sk_filter_apply(jail) : 0;
}
