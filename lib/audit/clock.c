/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/audit/clock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/timex.h>
#include <time.h>

#include "lib/base/io.h"

int sk_audit_clock_boot(char ret_boot[33])
{
	own_free char *text = NULL;
	size_t digits = 0;
	int r = sk_io_read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, NULL);

	if (r < 0)
		return r;
	for (const char *p = text; *p && digits < 32; p++)
		if (isxdigit((unsigned char)*p))
			ret_boot[digits++] = (char)tolower((unsigned char)*p);
	ret_boot[digits] = 0;
	return digits == 32 ? 0 : -EBADMSG;
}

/*
 * The kernel knows whether somebody disciplines its clock. Where the jail keeps adjtimex() from us
 * (ProtectClock=), systemd-timesyncd's mark is the next best witness.
 */
static const char *clock_state(void)
{
	struct timex t = {0};

	if (adjtimex(&t) >= 0)
		return t.status & STA_UNSYNC ? "unsynchronised" : "synchronised";
	return access("/run/systemd/timesync/synchronized", F_OK) == 0 ? "synchronised" : "unknown";
}

void sk_audit_clock_now(void *userdata, SkAuditTime *ret_time)
{
	struct timespec wall = {0}, mono = {0};

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &mono);
	*ret_time = (SkAuditTime){
		.wall = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000,
		.mono = (uint64_t)mono.tv_sec * 1000000 + (uint64_t)mono.tv_nsec / 1000,
		.clock = clock_state(),
		.boot = userdata,
	};
}
