/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does the firmware start only what is signed? */
#include <errno.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/files.h"
#include "lib/base/io.h"
#include "lib/base/own.h"

#define EFI "/sys/firmware/efi"
#define VARIABLES EFI "/efivars/"
#define GLOBAL "-8be4df61-93ca-11d2-aa0d-00e098032b8c"

/* Four bytes of attributes, then one that is 0 or 1. Return: that, or negative errno. */
static int read_variable(const Posture *posture, const char *path)
{
	own_fd int fd = file_open(posture, path);
	uint8_t bytes[6];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = sk_io_read_up_to(fd, bytes, sizeof(bytes));
	if (n < 0)
		return (int)n;
	return n == 5 && bytes[4] <= 1 ? bytes[4] : -EBADMSG;
}

static void run(const Posture *posture, PostureResult *result)
{
	int secure = read_variable(posture, VARIABLES "SecureBoot" GLOBAL);
	int setup = read_variable(posture, VARIABLES "SetupMode" GLOBAL);

	posture_threshold(result, "on");
	if (secure == -ENOENT && !file_exists(posture, EFI)) {
		posture_value(result, "started by a BIOS");
		posture_judge(result, SK_POSTURE_WARN, SK_POSTURE_BOOT_OPEN);
	} else if (secure == 1 && setup == 1) {
		posture_value(result, "setup mode: anybody may change the keys");
		posture_judge(result, SK_POSTURE_WARN, SK_POSTURE_BOOT_OPEN);
	} else if (secure == 1) {
		posture_value(result, "on");
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
	} else if (secure == 0) {
		posture_value(result, "off");
		posture_judge(result, SK_POSTURE_WARN, SK_POSTURE_BOOT_OPEN);
	} else {
		posture_value(result, "the firmware does not say");
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_BOOT_UNKNOWN);
	}
}

static const char *const paths[] = {EFI, NULL};

const PostureCheck check_boot = {.id = "secure-boot", .requirement = "EQP-1", .paths = paths, .run = run};
