/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/slip/erasure.h"

#include <errno.h>

#include "lib/base/str.h"
#include "lib/slip/signed.h"

json_t *sk_erasure_to_json(const SkErasure *erasure)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}",
		"medium", erasure->medium, "number", erasure->number, "label", erasure->label, "uuid",
		erasure->uuid, "terminal", erasure->terminal, "organisation", erasure->organisation, "grant",
		erasure->grant, "user", erasure->user, "device", erasure->device, "deviceHash",
		erasure->device_hash, "method", erasure->method, "result", erasure->result, "reason",
		erasure->reason, "begun", (json_int_t)erasure->begun, "ended", (json_int_t)erasure->ended,
		"size", (json_int_t)erasure->size, "written", (json_int_t)erasure->written, "compared",
		(json_int_t)erasure->compared);
}

int sk_erasure_sign(const SkErasure *erasure, const SkDsseSigner *terminal, char **ret_envelope)
{
	json_auto_t *object = sk_erasure_to_json(erasure);

	return slip_json_sign(object, SK_DSSE_ERASURE, terminal, ret_envelope);
}

static bool read_texts(const json_t *object, SkErasure *erasure)
{
	const SlipText texts[] = {{"medium", erasure->medium, sizeof(erasure->medium)},
		{"number", erasure->number, sizeof(erasure->number)},
		{"label", erasure->label, sizeof(erasure->label)},
		{"uuid", erasure->uuid, sizeof(erasure->uuid)},
		{"terminal", erasure->terminal, sizeof(erasure->terminal)},
		{"organisation", erasure->organisation, sizeof(erasure->organisation)},
		{"grant", erasure->grant, sizeof(erasure->grant)},
		{"user", erasure->user, sizeof(erasure->user)},
		{"device", erasure->device, sizeof(erasure->device)},
		{"deviceHash", erasure->device_hash, sizeof(erasure->device_hash)},
		{"method", erasure->method, sizeof(erasure->method)},
		{"result", erasure->result, sizeof(erasure->result)},
		{"reason", erasure->reason, sizeof(erasure->reason)}};

	return slip_texts_read(object, texts, SK_ARRAY_SIZE(texts));
}

/* What nobody can have done is not said either. */
static bool is_possible(const SkErasure *erasure)
{
	if (erasure->begun <= 0 || erasure->ended < erasure->begun || erasure->written > erasure->size ||
		erasure->compared > erasure->size || !erasure->method[0])
		return false;
	if (sk_str_eq(erasure->result, SK_ERASURE_RESULT_VERIFIED))
		return erasure->size > 0 && erasure->written == erasure->size &&
		       erasure->compared == erasure->size;
	return sk_str_eq(erasure->result, SK_ERASURE_RESULT_FAILED);
}

int sk_erasure_open(
	const void *envelope, size_t size, const uint8_t key[SK_SIGN_PUBLIC_SIZE], SkErasure *ret_erasure)
{
	json_auto_t *object = NULL;
	SkErasure erasure = {.begun = 0};
	json_int_t begun, ended, whole, written, compared;
	int r = slip_json_open(&(SlipSigned){envelope, size, SK_DSSE_ERASURE}, key, &object);

	if (r < 0)
		return r;
	if (json_unpack(object, "{s:I, s:I, s:I, s:I, s:I}", "begun", &begun, "ended", &ended, "size", &whole,
		    "written", &written, "compared", &compared) < 0 ||
		whole < 0 || written < 0 || compared < 0 || !read_texts(object, &erasure))
		return -EBADMSG;
	erasure.begun = begun;
	erasure.ended = ended;
	erasure.size = (uint64_t)whole;
	erasure.written = (uint64_t)written;
	erasure.compared = (uint64_t)compared;
	if (!is_possible(&erasure))
		return -EBADMSG;
	*ret_erasure = erasure;
	return 0;
}
