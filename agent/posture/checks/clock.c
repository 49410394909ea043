/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the clock set by time servers, and how far was it off when they were asked last? */
#include <errno.h>
#include <stdlib.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/chrony.h"
#include "agent/posture/timesync.h"

#define USEC_PER_MSEC 1000.0

#define NOT_KNOWN INT64_MAX

typedef struct Knowledge {
	const char *program;
	bool synchronised;
	int64_t offset_usec; /* NOT_KNOWN: nobody tells what was measured */
} Knowledge;

/* The program that keeps the clock knows most; the kernel knows whether there is one. */
static Knowledge find_out(const Posture *posture)
{
	Knowledge known = {"another program", posture->options->clock_synchronised, NOT_KNOWN};
	ChronyTracking tracking;
	int64_t offset;

	if (posture->fds.chrony >= 0 && chrony_read(posture->fds.chrony, &tracking) == 0)
		return (Knowledge){"chrony", tracking.synchronised, (int64_t)(tracking.offset_sec * 1e6)};
	if (posture->bus && timesync_read(&offset) == 0) {
		known.program = "systemd-timesyncd";
		known.offset_usec = llabs(offset);
	}
	return known;
}

static void run(const Posture *posture, PostureResult *result)
{
	Knowledge known = find_out(posture);

	posture_threshold(result, "synchronised");
	posture_threshold(result, "%u ms", posture->options->clock_offset);
	if (!known.synchronised) {
		posture_value(result, "NOT SYNCHRONISED");
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_CLOCK_FREE);
		return;
	}
	posture_value(result, "%s", known.program);
	if (known.offset_usec == NOT_KNOWN) {
		posture_value(result, "offset not known");
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
		return;
	}
	posture_value(result, "offset %.3f ms", (double)known.offset_usec / USEC_PER_MSEC);
	if (known.offset_usec > (int64_t)posture->options->clock_offset * 1000)
		posture_judge(result, SK_POSTURE_WARN, SK_POSTURE_CLOCK_OFF);
	else
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static const char *const paths[] = {"/run/dbus", NULL};

const PostureCheck check_clock = {
	.id = "clock", .requirement = "LOG-3", .paths = paths, .uses = POSTURE_BUS, .run = run};
