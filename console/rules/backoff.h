/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* When to try again what failed: distances that double up to a longest one, with chance, so that many that
 * failed together do not come back together. */
#include <stdint.h>

/* failures: 1 or more in a row. Return: ms, from half of the distance to the whole. */
int64_t sk_backoff_ms(int64_t failures, int64_t first_ms, int64_t longest_ms);
