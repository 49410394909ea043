/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/seal_key.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/crypt/kdf.h"
#include "lib/reason/reason.h"

typedef struct Known {
	char facility[SK_ID_SIZE];
	bool there;
	uint8_t public_key[SK_BOX_KEY_SIZE], box[SK_OFFLINE_BOX_SIZE];
} Known;

static int load(SkDb *db, const char *terminal, Known *known)
{
	own_rows SkDbRows *rows = NULL;
	const void *key, *box;
	size_t key_size, box_size;
	int r = sk_db_query(db, "SELECT facility_id, seal_key, offline_box FROM terminals WHERE id = $1",
		SK_DB_ARGS(sk_db_text(terminal)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	sk_str_copy(known->facility, sizeof(known->facility), sk_db_get_text(rows, 0));
	key = sk_db_get_bytes(rows, 1, &key_size);
	box = sk_db_get_bytes(rows, 2, &box_size);
	if (!key || !box)
		return 0;
	if (key_size != sizeof(known->public_key) || box_size != sizeof(known->box))
		return -EUCLEAN;
	known->there = true;
	memcpy(known->public_key, key, key_size);
	memcpy(known->box, box, box_size);
	return 0;
}

static void derive(SkSecret *console_secret, const char *terminal, const uint8_t public_key[SK_BOX_KEY_SIZE],
	uint8_t ret_secret[SK_OFFLINE_SECRET_SIZE])
{
	static const char label[] = "sekisho offline secret 1";
	const SkBytes pieces[] = {
		{label, sizeof(label)}, {terminal, strlen(terminal) + 1}, {public_key, SK_BOX_KEY_SIZE}};

	sk_hmac(sk_secret_data(console_secret), sk_secret_size(console_secret), pieces, SK_ARRAY_SIZE(pieces),
		ret_secret);
}

int sk_offline_secret(
	SkDb *db, SkSecret *console_secret, const char *terminal, uint8_t ret_secret[SK_OFFLINE_SECRET_SIZE])
{
	Known known = {.there = false};
	int r = load(db, terminal, &known);

	if (r < 0 || !known.there)
		return r < 0 ? r : -ENOENT;
	derive(console_secret, terminal, known.public_key, ret_secret);
	return 0;
}

static int store(const SkActor *actor, const SkSealKey *key, const Known *known, const uint8_t *box)
{
	int r = sk_db_exec(actor->db,
		"UPDATE terminals SET seal_key = $1, seal_kind = $2, offline_box = $3, version = version + 1 "
		"WHERE "
		"id = $4",
		SK_DB_ARGS(sk_db_bytes(key->public_key, SK_BOX_KEY_SIZE), sk_db_text(key->kind),
			sk_db_bytes(box, SK_OFFLINE_BOX_SIZE), sk_db_text(actor->terminal)),
		NULL);

	return r < 0 ? r
		     : sk_actor_record(
			       actor, &(SkFact){"terminal.seal-key", known->facility, "terminal",
					      actor->terminal, json_pack("{s:s}", "kind", key->kind)});
}

int sk_seal_key_tell(const SkActor *actor, SkSecret *console_secret, const SkSealKey *key,
	uint8_t ret_box[SK_OFFLINE_BOX_SIZE])
{
	uint8_t secret[SK_OFFLINE_SECRET_SIZE];
	Known known = {.there = false};
	int r = load(actor->db, actor->terminal, &known);

	if (r < 0)
		return r;
	if (known.there) {
		if (memcmp(known.public_key, key->public_key, sizeof(known.public_key)) != 0)
			return SK_SEAL_KEY_OTHER;
		memcpy(ret_box, known.box, SK_OFFLINE_BOX_SIZE);
		return 0;
	}
	derive(console_secret, actor->terminal, key->public_key, secret);
	r = sk_box_seal(key->public_key, (SkBoxLabel){.info = SK_OFFLINE_BOX_INFO, .aad = actor->terminal},
		secret, sizeof(secret), ret_box);
	sk_secret_wipe(secret, sizeof(secret));
	if (r < 0)
		return r == -EINVAL ? SK_REQUEST_INVALID : r;
	return store(actor, key, &known, ret_box);
}
