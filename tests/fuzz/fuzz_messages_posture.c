/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What posture takes from core. */
#include "agent/posture/peer_core.h"
#include "tests/fuzz/messages.h"

const SkMsgSpec *fuzz_table(size_t i)
{
	return i == 0 ? posture_core_specs : NULL;
}

void fuzz_use(const SkHead *message)
{
	const SkPostureOptions *options = (const SkPostureOptions *)message;

	fuzz_require(SK_PROTO_TEXT_OK(options->forbidden) && SK_PROTO_TEXT_OK(options->modules_file));
}
