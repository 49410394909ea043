/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the uplink takes from core. */
#include "agent/uplink/uplink.h"
#include "tests/fuzz/messages.h"

const SkMsgSpec *fuzz_table(size_t i)
{
	return i == 0 ? uplink_core_specs : NULL;
}

/* An operation becomes part of a URL, a key part of a file name. */
void fuzz_use(const SkHead *message)
{
	const SkUplinkCall *call = (const SkUplinkCall *)message;

	if (message->type != SK_UPLINK_CALL)
		return;
	fuzz_require(!strpbrk(call->operation, "/?#%&") && !strstr(call->operation, ".."));
	fuzz_require(strspn(call->key, "0123456789abcdef") == strlen(call->key));
}
