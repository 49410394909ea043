/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Time that nobody sets, and that goes on while the PC sleeps. */
#include <stdint.h>

/* Microseconds of CLOCK_BOOTTIME. */
uint64_t sk_clock_boot_usec(void);
