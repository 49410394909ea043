/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Security updates that wait, when the lists of them were fetched, and when anything was installed last. */
#include <errno.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/updates.h"

#define NAMES_SHOWN 5

static unsigned count_pending(const Packages *packages, PostureResult *result)
{
	unsigned count = 0;

	for (const Package *package = packages->table; package; package = package->hh.next)
		count += package->pending;
	posture_value(result, "pending: %u", count);
	count = 0;
	for (const Package *package = packages->table; package; package = package->hh.next)
		if (package->pending && ++count <= NAMES_SHOWN)
			posture_value(result, "%s", package->name);
	return count;
}

static void judge(const Posture *posture, const Updates *updates, PostureResult *result)
{
	const SkPostureOptions *options = posture->options;
	unsigned pending = count_pending(&updates->packages, result);
	int64_t asked = posture_days_since(posture, updates->asked);
	int64_t changed = posture_days_since(posture, updates->packages.changed);

	posture_value(result, "lists of %lld days ago", (long long)asked);
	posture_value(result, "last installation %lld days ago", (long long)changed);
	if (updates->sources == 0 || updates->asked == 0)
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_UPDATES_NO_SOURCE);
	else if (asked > options->updates_fail)
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_UPDATES_STALE);
	else if (pending > 0)
		posture_judge(result, changed > options->updates_fail ? SK_POSTURE_FAIL : SK_POSTURE_WARN,
			SK_POSTURE_UPDATES_PENDING);
	else if (asked > options->updates_warn)
		posture_judge(result, SK_POSTURE_WARN, SK_POSTURE_UPDATES_STALE);
	else
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static void run(const Posture *posture, PostureResult *result)
{
	Updates updates = {0};
	int r = packages_read(posture, &updates.packages);

	posture_threshold(result, "none pending");
	posture_threshold(result, "%u days", posture->options->updates_warn);
	posture_threshold(result, "%u days", posture->options->updates_fail);
	if (r == 0)
		r = updates.packages.kind == PACKAGES_RPM ? updates_read_dnf(posture, &updates)
							  : updates_read_apt(posture, &updates);
	if (r < 0) {
		posture_value(result, "a list cannot be read");
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_PACKAGES_UNKNOWN);
	} else {
		judge(posture, &updates, result);
	}
	packages_free(&updates.packages);
}

static const char *const paths[] = {"/var/lib/dpkg", "/var/lib/apt", "/var/lib/rpm", "/usr/lib/sysimage/rpm",
	"/var/cache/dnf", "/var/cache/libdnf5", "/proc/self", NULL};

const PostureCheck check_updates = {
	.id = "security-updates", .requirement = "EQP-1", .paths = paths, .run = run};
