/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/slip/slip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/slip/signed.h"

static json_t *part_json(const SkSlipPart *part)
{
	char hex[SK_SHA256_HEX_SIZE];

	sk_hex_format(hex, part->sha256, sizeof(part->sha256));
	return json_pack("{s:I, s:s}", "size", (json_int_t)part->size, "sha256", hex);
}

static json_t *slip_json(const SkSlip *slip)
{
	return json_pack(
		"{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:s, s:I, s:I, s:o, s:o}",
		"kind", slip->kind, "serial", (json_int_t)slip->serial, "medium", slip->medium, "number",
		slip->number, "label", slip->label, "uuid", slip->uuid, "terminal", slip->terminal,
		"organisation", slip->organisation, "grant", slip->grant, "user", slip->user, "opened",
		(json_int_t)slip->opened, "closed", (json_int_t)slip->closed, "complete", (int)slip->complete,
		"reason", slip->reason, "files", (json_int_t)slip->files, "bytes", (json_int_t)slip->bytes,
		"manifest", part_json(&slip->manifest), "sums", part_json(&slip->sums));
}

int sk_slip_sign(const SkSlip *slip, const SkDsseSigner *terminal, char **ret_envelope)
{
	json_auto_t *object = slip_json(slip);

	return slip_json_sign(object, SK_DSSE_SLIP, terminal, ret_envelope);
}

static bool read_part(const json_t *object, SkSlipPart *part)
{
	const char *digest = json_string_value(json_object_get(object, "sha256"));
	json_int_t size = json_integer_value(json_object_get(object, "size"));

	part->size = (uint64_t)size;
	return digest && size >= 0 && json_is_integer(json_object_get(object, "size")) &&
	       sk_hex_parse(part->sha256, sizeof(part->sha256), digest) == 0;
}

static bool read_texts(const json_t *object, SkSlip *slip)
{
	const SlipText texts[] = {{"kind", slip->kind, sizeof(slip->kind)},
		{"medium", slip->medium, sizeof(slip->medium)},
		{"number", slip->number, sizeof(slip->number)}, {"label", slip->label, sizeof(slip->label)},
		{"uuid", slip->uuid, sizeof(slip->uuid)},
		{"terminal", slip->terminal, sizeof(slip->terminal)},
		{"organisation", slip->organisation, sizeof(slip->organisation)},
		{"grant", slip->grant, sizeof(slip->grant)}, {"user", slip->user, sizeof(slip->user)},
		{"reason", slip->reason, sizeof(slip->reason)}};

	return slip_texts_read(object, texts, SK_ARRAY_SIZE(texts));
}

static int read_slip(const json_t *object, SkSlip *ret_slip)
{
	json_int_t serial, opened, closed, files, bytes;
	SkSlip slip = {.serial = 0};
	int complete;

	if (json_unpack((json_t *)object, "{s:I, s:I, s:I, s:b, s:I, s:I}", "serial", &serial, "opened",
		    &opened, "closed", &closed, "complete", &complete, "files", &files, "bytes",
		    &bytes) < 0 ||
		serial < 0 || files < 0 || bytes < 0 || !read_texts(object, &slip) ||
		!read_part(json_object_get(object, "manifest"), &slip.manifest) ||
		!read_part(json_object_get(object, "sums"), &slip.sums))
		return -EBADMSG;
	slip.serial = (uint64_t)serial;
	slip.opened = opened;
	slip.closed = closed;
	slip.complete = complete;
	slip.files = (uint64_t)files;
	slip.bytes = (uint64_t)bytes;
	*ret_slip = slip;
	return 0;
}

int sk_slip_open(const void *envelope, size_t size, const uint8_t key[SK_SIGN_PUBLIC_SIZE], SkSlip *ret_slip)
{
	json_auto_t *object = NULL;
	int r = slip_json_open(&(SlipSigned){envelope, size, SK_DSSE_SLIP}, key, &object);

	return r < 0 ? r : read_slip(object, ret_slip);
}

static int read_signer(const char *text, size_t size, SkSlipSigner *ret_signer)
{
	json_auto_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const char *terminal, *key;
	uint8_t bytes[SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE)];
	size_t n = 0;

	if (json_unpack(object, "{s:s, s:s}", "terminal", &terminal, "key", &key) < 0 ||
		strlen(key) != SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE) - 1 ||
		sk_base64_parse(key, strlen(key), bytes, &n) < 0 || n != SK_SIGN_PUBLIC_SIZE ||
		!sk_str_copy(ret_signer->terminal, sizeof(ret_signer->terminal), terminal))
		return -EBADMSG;
	memcpy(ret_signer->key, bytes, sizeof(ret_signer->key));
	return 0;
}

int sk_slip_signer_open(const void *envelope, size_t size, const SkSlipTrust *trust, SkSlipSigner *ret_signer)
{
	const SkDsseCheck check = {.keys = trust->keys,
		.n_keys = trust->n_keys,
		.type = SK_DSSE_TERMINAL_KEY,
		.payload_max = SLIP_PAYLOAD_MAX};
	SkDsseOpened opened;
	int r = sk_dsse_verify(envelope, size, &check, &opened);

	if (r < 0)
		return r;
	r = read_signer(opened.payload, opened.size, ret_signer);
	free(opened.payload);
	return r;
}

int sk_slip_verify(const void *file, size_t size, const SkSlipTrust *trust, SkSlip *ret_slip)
{
	json_auto_t *object =
		size > SK_SLIP_FILE_MAX ? NULL : json_loadb(file, size, JSON_REJECT_DUPLICATES, NULL);
	own_free char *slip = NULL, *key = NULL;
	SkSlipSigner signer = {.terminal = ""};
	SkSlip found;
	int r;

	if (!json_is_object(object) || json_object_size(object) != 2)
		return size > SK_SLIP_FILE_MAX ? -E2BIG : -EBADMSG;
	slip = json_dumps(json_object_get(object, "slip"), JSON_COMPACT);
	key = json_dumps(json_object_get(object, "terminalKey"), JSON_COMPACT);
	if (!slip || !key)
		return -EBADMSG;
	r = sk_slip_signer_open(key, strlen(key), trust, &signer);
	if (r == 0)
		r = sk_slip_open(slip, strlen(slip), signer.key, &found);
	if (r == 0 && !sk_str_eq(found.terminal, signer.terminal))
		r = -EKEYREJECTED;
	if (r == 0)
		*ret_slip = found;
	return r;
}

int sk_slip_file_format(const char *slip_envelope, const char *signer_envelope, char **ret_text)
{
	json_auto_t *slip = json_loads(slip_envelope, JSON_REJECT_DUPLICATES, NULL);
	json_auto_t *signer = json_loads(signer_envelope, JSON_REJECT_DUPLICATES, NULL);
	json_auto_t *object =
		slip && signer ? json_pack("{s:O, s:O}", "slip", slip, "terminalKey", signer) : NULL;

	if (!object)
		return -EBADMSG;
	*ret_text = json_dumps(object, JSON_COMPACT);
	return *ret_text ? 0 : -ENOMEM;
}
