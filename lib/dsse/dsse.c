/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/dsse/dsse.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/digest.h"

/* Members, signatures and blanks around a payload. */
#define FRAME_MAX 4096
#define TYPE_MAX 128

void sk_dsse_key_id(const uint8_t public_key[SK_SIGN_PUBLIC_SIZE], char ret_id[SK_DSSE_KEY_ID_SIZE])
{
	uint8_t digest[SK_SHA256_SIZE];

	sk_sha256(digest, public_key, SK_SIGN_PUBLIC_SIZE);
	memcpy(ret_id, "ed25519:", 8);
	sk_hex_format(ret_id + 8, digest, 16);
}

/* The bytes that are signed. The caller frees them. */
static int encode(SkDssePayload payload, uint8_t **ret_bytes, size_t *ret_size)
{
	char head[TYPE_MAX + 64];
	uint8_t *bytes;
	size_t size;

	if (!sk_str_format(head, sizeof(head), "DSSEv1 %zu %s %zu ", strlen(payload.type), payload.type,
		    payload.size))
		return -EINVAL;
	size = strlen(head);
	bytes = malloc(size + payload.size);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, head, size);
	memcpy(bytes + size, payload.data, payload.size);
	*ret_bytes = bytes;
	*ret_size = size + payload.size;
	return 0;
}

static int add_signature(json_t *signatures, const SkDsseSigner *signer, const uint8_t *bytes, size_t size)
{
	uint8_t signature[SK_SIGNATURE_SIZE];
	char text[SK_BASE64_SIZE(SK_SIGNATURE_SIZE)];
	int r = sk_sign(signer->key, bytes, size, signature);

	if (r < 0)
		return r;
	sk_base64_format(signature, sizeof(signature), text);
	r = json_array_append_new(signatures, json_pack("{s:s, s:s}", "keyid", signer->id, "sig", text));
	return r < 0 ? -ENOMEM : 0;
}

int sk_dsse_sign(const SkDsseSigner *signers, size_t n_signers, SkDssePayload payload, char **ret_envelope)
{
	own_free char *text = NULL;
	own_free uint8_t *bytes = NULL;
	json_auto_t *envelope = NULL;
	json_t *signatures;
	size_t size;
	int r;

	if (n_signers == 0 || n_signers > SK_DSSE_SIGNATURES_MAX)
		return -EINVAL;
	r = encode(payload, &bytes, &size);
	if (r < 0)
		return r;
	text = malloc(SK_BASE64_SIZE(payload.size));
	if (!text)
		return -ENOMEM;
	sk_base64_format(payload.data, payload.size, text);
	envelope = json_pack("{s:s, s:s, s:[]}", "payloadType", payload.type, "payload", text, "signatures");
	if (!envelope)
		return -ENOMEM;
	signatures = json_object_get(envelope, "signatures");
	for (size_t i = 0; i < n_signers && r == 0; i++)
		r = add_signature(signatures, &signers[i], bytes, size);
	if (r < 0)
		return r;
	*ret_envelope = json_dumps(envelope, JSON_COMPACT);
	return *ret_envelope ? 0 : -ENOMEM;
}

/* The parts of an envelope, inside the tree. */
typedef struct Parts {
	const char *type, *payload;
	size_t type_size, payload_size;
	json_t *signatures;
} Parts;

static int take_apart(json_t *envelope, Parts *ret_parts)
{
	if (json_unpack_ex(envelope, NULL, JSON_STRICT, "{s:s%, s:s%, s:o!}", "payloadType", &ret_parts->type,
		    &ret_parts->type_size, "payload", &ret_parts->payload, &ret_parts->payload_size,
		    "signatures", &ret_parts->signatures) < 0)
		return -EBADMSG;
	if (!json_is_array(ret_parts->signatures) || json_array_size(ret_parts->signatures) == 0 ||
		json_array_size(ret_parts->signatures) > SK_DSSE_SIGNATURES_MAX)
		return -EBADMSG;
	if (ret_parts->type_size > TYPE_MAX || strlen(ret_parts->type) != ret_parts->type_size)
		return -EBADMSG;
	return 0;
}

typedef struct Signature {
	const char *key_id;
	uint8_t bytes[SK_SIGNATURE_SIZE];
} Signature;

static int parse_signature(json_t *json, Signature *ret_signature)
{
	uint8_t bytes[SK_SIGNATURE_SIZE + 2];
	const char *text;
	size_t id_size, text_size, size;

	if (json_unpack_ex(json, NULL, JSON_STRICT, "{s:s%, s:s%!}", "keyid", &ret_signature->key_id,
		    &id_size, "sig", &text, &text_size) < 0)
		return -EBADMSG;
	if (strlen(ret_signature->key_id) != id_size || text_size != SK_BASE64_SIZE(SK_SIGNATURE_SIZE) - 1)
		return -EBADMSG;
	if (sk_base64_parse(text, text_size, bytes, &size) < 0 || size != SK_SIGNATURE_SIZE)
		return -EBADMSG;
	memcpy(ret_signature->bytes, bytes, SK_SIGNATURE_SIZE);
	return 0;
}

/* All signatures have to be well-formed, one has to be right. */
static int find_signer(json_t *signatures, const SkDsseCheck *check, const uint8_t *bytes, size_t size,
	const SkDsseKey **ret_key)
{
	const SkDsseKey *found = NULL;
	json_t *json;
	size_t i;

	json_array_foreach (signatures, i, json) {
		Signature signature;
		int r = parse_signature(json, &signature);

		if (r < 0)
			return r;
		for (size_t k = 0; k < check->n_keys && !found; k++)
			if (sk_str_eq(check->keys[k].id, signature.key_id) &&
				sk_sign_verify(check->keys[k].public_key, bytes, size, signature.bytes))
				found = &check->keys[k];
	}
	if (!found)
		return -EKEYREJECTED;
	*ret_key = found;
	return 0;
}

static int decode_payload(const Parts *parts, size_t max, char **ret_payload, size_t *ret_size)
{
	own_free char *payload = NULL;
	int r;

	if (parts->payload_size > SK_BASE64_SIZE(max))
		return -E2BIG;
	payload = malloc(parts->payload_size / 4 * 3 + 1);
	if (!payload)
		return -ENOMEM;
	r = sk_base64_parse(parts->payload, parts->payload_size, (uint8_t *)payload, ret_size);
	if (r < 0)
		return r;
	if (*ret_size > max)
		return -E2BIG;
	payload[*ret_size] = '\0';
	*ret_payload = own_take(payload);
	return 0;
}

int sk_dsse_verify(const void *envelope, size_t size, const SkDsseCheck *check, SkDsseOpened *ret_opened)
{
	own_free char *payload = NULL;
	own_free uint8_t *bytes = NULL;
	json_auto_t *json = NULL;
	const SkDsseKey *key;
	size_t payload_size, bytes_size;
	Parts parts;
	int r;

	if (size > SK_BASE64_SIZE(check->payload_max) + FRAME_MAX)
		return -E2BIG;
	json = json_loadb(envelope, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	r = json ? take_apart(json, &parts) : -EBADMSG;
	if (r == 0)
		r = decode_payload(&parts, check->payload_max, &payload, &payload_size);
	if (r == 0)
		r = encode((SkDssePayload){parts.type, payload, payload_size}, &bytes, &bytes_size);
	if (r == 0)
		r = find_signer(parts.signatures, check, bytes, bytes_size, &key);
	if (r < 0)
		return r;
	if (!sk_str_eq(parts.type, check->type))
		return -EPROTOTYPE;
	*ret_opened = (SkDsseOpened){.payload = own_take(payload), .size = payload_size, .key = key};
	return 0;
}
