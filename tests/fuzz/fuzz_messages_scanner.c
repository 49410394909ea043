/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the scanner takes from core, and its parent from the workers and the walker, which look at hostile
 * bytes.
 */
#include "agent/scanner/broker.h"
#include "agent/scanner/job.h"
#include "agent/scanner/pool.h"
#include "lib/base/str.h"
#include "tests/fuzz/messages.h"

const SkMsgSpec *fuzz_table(size_t i)
{
	const SkMsgSpec *const tables[] = {core_specs, pool_specs, walk_specs};

	return i < SK_ARRAY_SIZE(tables) ? tables[i] : NULL;
}

void fuzz_use(const SkHead *message)
{
	const JobResult *result = (const JobResult *)message;

	if (message->type == WALK_FILE) {
		const WalkFile *found = (const WalkFile *)message;

		fuzz_require(strnlen(found->path, sizeof(found->path)) < sizeof(found->path));
	} else if (message->type == JOB_RESULT) {
		fuzz_require(result->verdict != SK_VERDICT_NONE && result->verdict < SK_VERDICT_MAX_);
		fuzz_require(strnlen(result->finding, sizeof(result->finding)) < sizeof(result->finding));
		fuzz_require(strnlen(result->mime, sizeof(result->mime)) < sizeof(result->mime));
	}
}
