/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sekisho-pack takes from core and from whoever wants to hand over files, and the names of those. */
#include <errno.h>
#include <locale.h>

#include "agent/pack/pack.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/slip/name.h"
#include "tests/fuzz/messages.h"

const SkMsgSpec *fuzz_table(size_t i)
{
	const SkMsgSpec *const tables[] = {pack_core_specs, pack_files_specs};

	return i < SK_ARRAY_SIZE(tables) ? tables[i] : NULL;
}

void fuzz_use(const SkHead *message)
{
	const char *path = ((const SkPackOffer *)message)->path;
	PackNames *names = NULL;

	if (message->type != SK_PACK_OFFER || !pack_name_check(path))
		return;
	fuzz_require(sk_slip_path_check(path) && !sk_slip_is_own(path) && !strpbrk(path, "\\:*?\"<>|"));
	fuzz_require(sk_utf8_check(path, strlen(path)));
	setlocale(LC_CTYPE, "C.UTF-8");
	/* It lies beneath nothing of its own name, and is there once. */
	fuzz_require(pack_names_add(&names, path) == 0 && pack_names_add(&names, path) == -EEXIST);
	pack_names_free(names);
}
