/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's jobs, which come from the monitor. */
#include "agent/probe/probe.h"
#include "tests/fuzz/messages.h"

const SkMsgSpec *fuzz_table(size_t i)
{
	return i == 0 ? probe_jobs : NULL;
}

void fuzz_use(const SkHead *message)
{
	const SkProbeJob *job = (const SkProbeJob *)message;

	fuzz_require(job->head.type == SK_PROBE_USB || job->head.type == SK_PROBE_BLOCK);
}
