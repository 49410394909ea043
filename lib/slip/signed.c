/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/slip/signed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

int slip_json_sign(const json_t *object, const char *type, const SkDsseSigner *terminal, char **ret_envelope)
{
	own_free char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	if (!text)
		return -EINVAL;
	return sk_dsse_sign(terminal, 1, (SkDssePayload){type, text, strlen(text)}, ret_envelope);
}

int slip_json_open(const SlipSigned *text, const uint8_t key[SK_SIGN_PUBLIC_SIZE], json_t **ret_object)
{
	SkDsseKey known;
	const SkDsseCheck check = {
		.keys = &known, .n_keys = 1, .type = text->type, .payload_max = SLIP_PAYLOAD_MAX};
	SkDsseOpened opened;
	int r;

	memcpy(known.public_key, key, sizeof(known.public_key));
	sk_dsse_key_id(key, known.id);
	r = sk_dsse_verify(text->envelope, text->size, &check, &opened);
	if (r < 0)
		return r;
	*ret_object = json_loadb(opened.payload, opened.size, JSON_REJECT_DUPLICATES, NULL);
	free(opened.payload);
	return *ret_object ? 0 : -EBADMSG;
}

bool slip_texts_read(const json_t *object, const SlipText *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_object_get(object, texts[i].name));

		if (!text || !sk_str_copy(texts[i].dst, texts[i].size, text))
			return false;
	}
	return true;
}
