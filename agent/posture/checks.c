/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/checks/checks.h"

/* In the order in which people read them. */
const PostureCheck *const posture_checks[] = {&check_disk, &check_firewall, &check_definitions, &check_scan,
	&check_programs, &check_updates, &check_modules, &check_boot, &check_clock, &check_bluetooth,
	&check_wireless, &check_accounts, &check_autologin, &check_agent, NULL};
