/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fleet/stats.h"

#include <stdlib.h>
#include <time.h>

void fleet_stats_add(FleetStats *stats, int64_t us)
{
	if (stats->count == stats->room) {
		stats->room = stats->room ? stats->room * 2 : 4096;
		stats->samples = reallocarray(stats->samples, stats->room, sizeof(*stats->samples));
		if (!stats->samples)
			abort();
	}
	stats->samples[stats->count++] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

double fleet_stats_permille(FleetStats *stats, unsigned permille)
{
	size_t at;

	if (stats->count == 0)
		return 0;
	qsort(stats->samples, stats->count, sizeof(*stats->samples), compare);
	at = stats->count * permille / 1000;
	return stats->samples[at < stats->count ? at : stats->count - 1] / 1000.0;
}

void fleet_stats_clear(FleetStats *stats)
{
	free(stats->samples);
	*stats = (FleetStats){.samples = NULL};
}

int64_t fleet_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
