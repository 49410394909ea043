/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sekisho-burn takes from core. */
#include <string.h>

#include "agent/burn/burn.h"
#include "lib/ipc/proto_burn.h"
#include "tests/fuzz/messages.h"

const SkMsgSpec *fuzz_table(size_t i)
{
	return i == 0 ? burn_specs : NULL;
}

/* The name of the drive becomes a path, that of the archive a name on the disc. */
void fuzz_use(const SkHead *message)
{
	const SkBurnBegin *begin = (const SkBurnBegin *)message;

	if (message->type != SK_BURN_BEGIN)
		return;
	fuzz_require(begin->sysname[0] && !strpbrk(begin->sysname, "/ \\") && begin->sysname[0] != '.');
	fuzz_require(begin->name[0] && !strpbrk(begin->name, "/ \\") && begin->name[0] != '.');
}
