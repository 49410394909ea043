/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/check_pack.h"

/* Numbers of reasons have four digits (lib/reason). */
#define CODE_MAX 9999

bool sk_check_pack_begin(const SkHead *message)
{
	const SkPackBegin *begin = (const SkPackBegin *)message;

	return begin->bytes_max > 0 && begin->files_max > 0;
}

bool sk_check_pack_offer(const SkHead *message)
{
	const SkPackOffer *offer = (const SkPackOffer *)message;

	return SK_PROTO_TEXT_OK(offer->path) && offer->path[0];
}

bool sk_check_pack_file(const SkHead *message)
{
	const SkPackFile *file = (const SkPackFile *)message;

	return SK_PROTO_TEXT_OK(file->path) && file->path[0] && message->cookie > 0;
}

bool sk_check_pack_failed(const SkHead *message)
{
	const SkPackFailed *failed = (const SkPackFailed *)message;

	return SK_PROTO_TEXT_OK(failed->detail) && failed->code > 0 && failed->code <= CODE_MAX;
}
