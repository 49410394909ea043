/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/recovery_key.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/box.h"
#include "lib/crypt/digest.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY
#define PURPOSE "recovery"
#define ID_BYTES 16

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"purpose", SK_COLUMN_TEXT, R | SK_COLUMN_FILTER, NULL},
	{"algorithm", SK_COLUMN_TEXT, R, NULL},
	{"public_key", SK_COLUMN_BYTES, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"retired", SK_COLUMN_TIME, R, NULL},
};

const SkTable sk_recovery_keys_table = {.name = "public_keys", SK_COLUMNS(columns)};

/* "x25519:" and the first 16 bytes of the SHA-256 of the key. */
static void name_key(const uint8_t key[SK_BOX_KEY_SIZE], char ret_id[64])
{
	uint8_t digest[SK_SHA256_SIZE];
	char hex[2 * ID_BYTES + 1];

	sk_sha256(digest, key, SK_BOX_KEY_SIZE);
	sk_hex_format(hex, digest, ID_BYTES);
	sk_str_format(ret_id, 64, "x25519:%s", hex);
}

static int parse_key(const char *text, uint8_t key[SK_BOX_KEY_SIZE])
{
	uint8_t bytes[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)], box[SK_BOX_OVERHEAD + 1];
	size_t size = 0, length = strlen(text);

	if (length / 4 * 3 > sizeof(bytes) || sk_base64_parse(text, length, bytes, &size) < 0 ||
		size != SK_BOX_KEY_SIZE)
		return SK_REQUEST_INVALID;
	/* One of small order would be opened by everybody. */
	if (sk_box_seal(bytes, (SkBoxLabel){.info = "sekisho test", .aad = ""}, "", 1, box) < 0)
		return SK_REQUEST_INVALID;
	memcpy(key, bytes, SK_BOX_KEY_SIZE);
	return 0;
}

static int insert(const SkActor *actor, const char *id, const uint8_t key[SK_BOX_KEY_SIZE])
{
	int64_t changed = 0;
	int r = sk_db_exec(actor->db,
		"INSERT INTO public_keys (id, purpose, algorithm, public_key, created, valid_from) VALUES "
		"($1, $2, $3, $4, $5, $5) ON CONFLICT (id) DO NOTHING",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(PURPOSE), sk_db_text(SK_BOX_ALGORITHM),
			sk_db_bytes(key, SK_BOX_KEY_SIZE), sk_db_int(actor->now)),
		&changed);

	return r < 0 ? r : changed == 1 ? 0 : SK_ALREADY_THERE;
}

int sk_recovery_key_set(const SkActor *actor, const char *public_key, char ret_id[64])
{
	uint8_t key[SK_BOX_KEY_SIZE];
	int r = parse_key(public_key, key);

	if (r != 0)
		return r;
	name_key(key, ret_id);
	r = sk_db_exec(actor->db,
		"UPDATE public_keys SET retired = $1 WHERE purpose = $2 AND retired IS NULL AND id <> $3",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(PURPOSE), sk_db_text(ret_id)), NULL);
	if (r == 0)
		r = insert(actor, ret_id, key);
	if (r != 0)
		return r;
	return sk_actor_record(actor,
		&(SkFact){"recovery-key.set", NULL, "key", ret_id, json_pack("{s:s}", "public", public_key)});
}

int sk_recovery_key_find(SkDb *db, json_t **ret_key)
{
	char text[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];
	own_rows SkDbRows *rows = NULL;
	const void *key;
	size_t size;
	int r = sk_db_query(db,
		"SELECT id, public_key FROM public_keys WHERE purpose = $1 AND retired IS NULL ORDER BY "
		"created DESC "
		"LIMIT 1",
		SK_DB_ARGS(sk_db_text(PURPOSE)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	key = sk_db_get_bytes(rows, 1, &size);
	if (!key || size != SK_BOX_KEY_SIZE)
		return -EUCLEAN;
	sk_base64_format(key, size, text);
	*ret_key = json_pack("{s:s, s:s}", "id", sk_db_get_text(rows, 0), "public", text);
	return *ret_key ? 0 : -ENOMEM;
}
