/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Figures of this process and of the database in the text format of Prometheus (0.0.4). Their labels have few
 * values: states and classes, never ids. For any thread.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "console/api/api.h"
#include "console/db/db.h"

#define SK_METRICS_BUCKETS 10 /* of the time that answers take; the last one has all */

typedef struct SkMetrics {
	struct {
		_Atomic uint64_t by_class[6]; /* of the status: 2xx at 2 */
		_Atomic uint64_t within[SK_METRICS_BUCKETS];
		_Atomic uint64_t microseconds;
	} answers[2];		 /* to people and everybody, to agents */
	_Atomic uint64_t faults; /* answers that failed by the database or the system */
} SkMetrics;

/* audience: of the listener. us: from the headers to the answer; negative: it waited on purpose. */
void sk_metrics_answered(SkMetrics *metrics, SkApiAudience audience, unsigned status, int64_t us);
void sk_metrics_fault(SkMetrics *metrics);

/* The figures of this process. waiting: agents that hold a long poll here. */
void sk_metrics_write_process(FILE *out, const SkMetrics *metrics, unsigned waiting);

/* The figures of all processes. Return: 0 or negative errno. */
int sk_metrics_write_database(FILE *out, SkDb *db);
