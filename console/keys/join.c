/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An instance that becomes a holder of the vault; handover.h says how it is let in. */
#include <string.h>

#include "console/keys/handover.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

struct SkJoin {
	char instance[SK_VAULT_ID_SIZE];
	SkSecret *secret;
	uint8_t public_key[SK_BOX_KEY_SIZE];
};

void sk_join_free(SkJoin *join)
{
	if (!join)
		return;
	sk_secret_free(join->secret);
	free(join);
}

/* 128 bits of the SHA-256 of the key: what a person can compare, and nobody can make twice. */
static void fingerprint_of(const uint8_t key[SK_BOX_KEY_SIZE], char ret_text[SK_HANDOVER_FINGERPRINT_SIZE])
{
	uint8_t digest[SK_SHA256_SIZE];
	char hex[33];

	sk_sha256(digest, key, SK_BOX_KEY_SIZE);
	sk_hex_format(hex, digest, 16);
	for (size_t i = 0, at = 0; i < 32; i++) {
		if (i > 0 && i % 4 == 0)
			ret_text[at++] = ' ';
		ret_text[at++] = hex[i];
	}
	ret_text[SK_HANDOVER_FINGERPRINT_SIZE - 1] = '\0';
}

static int insert_join(SkDb *db, void *userdata)
{
	const SkJoin *join = userdata;
	int64_t holds;
	int r = sk_db_query_int(db,
		"SELECT COUNT(*) FROM vault_holders WHERE instance_id = $1 AND ended IS NULL AND box_key IS "
		"NOT NULL",
		SK_DB_ARGS(sk_db_text(join->instance)), &holds);

	if (r == 0 && holds > 0)
		r = -EALREADY;
	if (r == 0)
		r = sk_db_exec(db, "DELETE FROM vault_joins WHERE instance_id = $1",
			SK_DB_ARGS(sk_db_text(join->instance)), NULL);
	if (r < 0)
		return r;
	return sk_db_exec(db, "INSERT INTO vault_joins (instance_id, box_key, asked) VALUES ($1, $2, $3)",
		SK_DB_ARGS(sk_db_text(join->instance),
			sk_db_bytes(join->public_key, sizeof(join->public_key)), sk_db_int(sk_time_now())),
		NULL);
}

int sk_join_ask(SkDb *db, const char *instance_id, SkJoin **ret_join,
	char ret_fingerprint[SK_HANDOVER_FINGERPRINT_SIZE])
{
	own_join SkJoin *join = calloc(1, sizeof(*join));
	int r;

	if (!join)
		return -ENOMEM;
	if (!sk_str_copy(join->instance, sizeof(join->instance), instance_id))
		return -EINVAL;
	r = sk_box_key_new(&join->secret, join->public_key);
	if (r == 0)
		r = sk_db_transact(db, insert_join, join);
	if (r < 0)
		return r;
	fingerprint_of(join->public_key, ret_fingerprint);
	*ret_join = own_take(join);
	return 0;
}

static SkBoxLabel label_of(const char *instance_id)
{
	return (SkBoxLabel){.info = "sekisho join 1", .aad = instance_id};
}

static SkBoxLabel home_label_of(const char *instance_id)
{
	return (SkBoxLabel){.info = "sekisho join home 1", .aad = instance_id};
}

static int load_key(SkDb *db, const char *instance_id, uint8_t ret_key[SK_BOX_KEY_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	const void *key;
	size_t size;
	int r = sk_db_query(db, "SELECT box_key FROM vault_joins WHERE instance_id = $1",
		SK_DB_ARGS(sk_db_text(instance_id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r == 0 ? -ENOENT : r;
	key = sk_db_get_bytes(rows, 0, &size);
	if (size != SK_BOX_KEY_SIZE)
		return -EBADMSG;
	memcpy(ret_key, key, size);
	return 0;
}

/* It counts as a holder from now on: what is destroyed while it is joining has to be destroyed by it, too. */
int sk_handover_add_holder(SkDb *db, const char *instance_id)
{
	return sk_db_exec(db,
		"INSERT INTO vault_holders (instance_id, joined) VALUES ($1, $2)"
		" ON CONFLICT (instance_id) DO UPDATE SET joined = $2, ended = NULL",
		SK_DB_ARGS(sk_db_text(instance_id), sk_db_int(sk_time_now())), NULL);
}

/* What is in both boxes is what this instance has. */
typedef struct Boxes {
	uint8_t *state, *home;
	size_t state_size, home_size;
} Boxes;

static void boxes_free(Boxes *boxes)
{
	free(boxes->state);
	free(boxes->home);
}

static int seal(
	SkVault *vault, const SkAdmission *admission, const uint8_t key[SK_BOX_KEY_SIZE], Boxes *boxes)
{
	const size_t size = admission->home ? sk_secret_size(admission->home) : 0;
	int r = sk_vault_export(
		vault, key, label_of(admission->instance_id), &boxes->state, &boxes->state_size);

	if (r < 0 || size == 0)
		return r;
	boxes->home_size = size + SK_BOX_OVERHEAD;
	boxes->home = malloc(boxes->home_size);
	return boxes->home ? sk_box_seal(key, home_label_of(admission->instance_id),
				     sk_secret_data(admission->home), size, boxes->home)
			   : -ENOMEM;
}

static int store(SkDb *db, const SkAdmission *admission, const Boxes *boxes)
{
	int r = sk_handover_add_holder(db, admission->instance_id);

	if (r < 0)
		return r;
	return sk_db_exec(db,
		"UPDATE vault_joins SET box = $2, home = $3, admitted = $4, admitted_by = $5 WHERE "
		"instance_id = $1",
		SK_DB_ARGS(sk_db_text(admission->instance_id), sk_db_bytes(boxes->state, boxes->state_size),
			sk_db_bytes(boxes->home, boxes->home_size), sk_db_int(sk_time_now()),
			sk_db_text(admission->actor)),
		NULL);
}

int sk_join_admit(SkDb *db, SkVault *vault, const SkAdmission *admission)
{
	uint8_t key[SK_BOX_KEY_SIZE];
	char expected[SK_HANDOVER_FINGERPRINT_SIZE];
	__attribute__((cleanup(boxes_free))) Boxes boxes = {NULL};
	int64_t ahead;
	int r = sk_db_query_int(db, "SELECT COUNT(*) FROM epochs WHERE number > $1",
		SK_DB_ARGS(sk_db_int((int64_t)sk_vault_epoch(vault))), &ahead);

	if (r == 0 && ahead > 0)
		r = -ESTALE;
	if (r == 0)
		r = load_key(db, admission->instance_id, key);
	if (r < 0)
		return r;
	fingerprint_of(key, expected);
	if (!sk_str_eq(admission->fingerprint, expected))
		return -EKEYREJECTED;
	r = seal(vault, admission, key, &boxes);
	return r < 0 ? r : store(db, admission, &boxes);
}

/* Of a box in the row of the join. Return: 0, -EAGAIN there is none yet, -EBADMSG, others. */
static int open_column(SkDb *db, SkJoin *join, const char *sql, SkBoxLabel label, SkSecret **ret_data)
{
	own_rows SkDbRows *rows = NULL;
	const void *box;
	size_t size;
	int r = sk_db_query(db, sql, SK_DB_ARGS(sk_db_text(join->instance)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r == 0 ? -EAGAIN : r;
	box = sk_db_get_bytes(rows, 0, &size);
	return sk_box_open(join->secret, label, box, size, ret_data);
}

int sk_join_home(SkDb *db, SkJoin *join, SkSecret **ret_home)
{
	return open_column(db, join,
		"SELECT home FROM vault_joins WHERE instance_id = $1 AND home IS NOT NULL",
		home_label_of(join->instance), ret_home);
}

int sk_join_take(SkDb *db, SkJoin *join, const char *directory, SkKeystore *keystore, SkVault **ret_vault)
{
	own_secret SkSecret *state = NULL;
	int r = open_column(db, join,
		"SELECT box FROM vault_joins WHERE instance_id = $1 AND box IS NOT NULL",
		label_of(join->instance), &state);

	if (r == 0)
		r = sk_vault_import(directory, keystore, state, ret_vault);
	if (r < 0)
		return r;
	return sk_db_exec(db, "DELETE FROM vault_joins WHERE instance_id = $1",
		SK_DB_ARGS(sk_db_text(join->instance)), NULL);
}
