/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The clocks of a record. CLOCK_BOOTTIME, not CLOCK_MONOTONIC: a laptop that slept did not jump.
 */
#include "lib/audit/audit.h"

/* 32 hexadecimal digits of the kernel's boot id, terminated. */
int sk_audit_clock_boot(char ret_boot[33]);

/* For SkAuditOptions.now; userdata: the boot id. */
void sk_audit_clock_now(void *userdata, SkAuditTime *ret_time);
