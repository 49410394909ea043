/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * How long things took: every sample is kept, so that a percentile is the figure itself and no estimate.
 */
#include <stddef.h>
#include <stdint.h>

typedef struct FleetStats {
	uint32_t *samples; /* µs */
	size_t count, room;
} FleetStats;

void fleet_stats_add(FleetStats *stats, int64_t us);
/* The time in ms below which so many of a thousand samples are; 0 without any. Sorts the samples. */
double fleet_stats_permille(FleetStats *stats, unsigned permille);
void fleet_stats_clear(FleetStats *stats);

/* Of the monotonic clock. */
int64_t fleet_now_us(void);
