/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/key_copies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/recovery_key.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"epoch", SK_COLUMN_INT, R, NULL},
	{"kind", SK_COLUMN_TEXT, R, NULL},
	{"holder", SK_COLUMN_TEXT, R, NULL},
	{"place", SK_COLUMN_TEXT, R, NULL},
	{"recovery_key", SK_COLUMN_TEXT, R, NULL},
	{"made", SK_COLUMN_TIME, R, NULL},
	{"made_by", SK_COLUMN_TEXT, R, NULL},
	{"destroyed", SK_COLUMN_TIME, R | SK_COLUMN_FILTER, NULL},
	{"destroyed_by", SK_COLUMN_TEXT, R, NULL},
	{"note", SK_COLUMN_TEXT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_key_copies_table = {.name = "epoch_copies", SK_COLUMNS(columns), .version = "version"};

static int find_key(SkDb *db, uint8_t key[SK_BOX_KEY_SIZE], char ret_id[64])
{
	json_auto_t *row = NULL;
	uint8_t bytes[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];
	const char *text;
	size_t size = 0;
	int r = sk_recovery_key_find(db, &row);

	if (r < 0)
		return r == -ENOENT ? SK_RECOVERY_KEY_MISSING : r;
	text = sk_row_text(row, "public");
	if (strlen(text) >= sizeof(bytes) || sk_base64_parse(text, strlen(text), bytes, &size) < 0 ||
		size != SK_BOX_KEY_SIZE || !sk_str_copy(ret_id, 64, sk_row_text(row, "id")))
		return -EUCLEAN;
	memcpy(key, bytes, SK_BOX_KEY_SIZE);
	return 0;
}

static int seal_home(const SkKeyCopyOrder *order, const uint8_t key[SK_BOX_KEY_SIZE], SkWrap *ret_box)
{
	const SkBoxLabel label = {.info = SK_HOME_COPY_INFO, .aad = sk_vault_id(order->vault)};
	const size_t size = sk_secret_size(order->home);
	own_free uint8_t *box = malloc(size + SK_BOX_OVERHEAD);
	int r = box ? sk_box_seal(key, label, sk_secret_data(order->home), size, box) : -ENOMEM;

	if (r == 0)
		*ret_box = (SkWrap){own_take(box), size + SK_BOX_OVERHEAD};
	return r;
}

void sk_key_copy_deinit(SkKeyCopy *copy)
{
	free((void *)copy->vault.box.bytes);
	free((void *)copy->home.bytes);
	*copy = (SkKeyCopy){.recovery_key = ""};
}

static int fill(const SkActor *actor, const SkKeyCopyOrder *order, SkKeyCopy *copy)
{
	uint8_t key[SK_BOX_KEY_SIZE];
	int r = find_key(actor->db, key, copy->recovery_key);
	const SkVaultCopy noted = {.kind = order->kind,
		.holder = order->holder,
		.place = order->place,
		.recovery_key = copy->recovery_key,
		.made_by = actor->person};

	if (r == 0)
		r = seal_home(order, key, &copy->home);
	if (r == 0)
		r = sk_copy_make(actor->db, order->vault, key, &noted, &copy->vault);
	if (r != 0)
		return r;
	return sk_actor_record(actor,
		&(SkFact){"key-copy.made", NULL, "key-copy", copy->vault.id,
			json_pack("{s:s, s:s, s:s, s:s, s:I}", "kind", order->kind, "holder", order->holder,
				"place", order->place, "recoveryKey", copy->recovery_key, "epoch",
				(json_int_t)sk_vault_epoch(order->vault))});
}

int sk_key_copy_make(const SkActor *actor, const SkKeyCopyOrder *order, SkKeyCopy *ret_copy)
{
	SkKeyCopy copy = {.recovery_key = ""};
	int r = fill(actor, order, &copy);

	if (r != 0) {
		sk_key_copy_deinit(&copy);
		return r;
	}
	/* A transaction may run again. */
	sk_key_copy_deinit(ret_copy);
	*ret_copy = copy;
	return 0;
}

int sk_key_copy_end(const SkActor *actor, const char *id, const char *note)
{
	json_auto_t *row = NULL;
	int r = sk_copy_end(actor->db, id, actor->person, note);

	if (r == 0)
		r = sk_table_read(actor->db, &sk_key_copies_table, SK_SCOPE_ALL, id, &row);
	if (r < 0)
		return r == -ENOENT ? SK_NOT_FOUND : r;
	return sk_actor_record(
		actor, &(SkFact){"key-copy.destroyed", NULL, "key-copy", id,
			       json_pack("{s:s, s:s, s:s}", "holder", sk_row_text(row, "holder"), "place",
				       sk_row_text(row, "place"), "note", note ? note : "")});
}

int sk_key_copies_old(SkDb *db, json_t **ret_ids)
{
	json_auto_t *ids = json_object();
	own_rows SkDbRows *rows = NULL;
	int r = ids ? sk_db_query(
			      db, "SELECT id FROM epoch_copies WHERE " SK_COPY_IS_OLD, SK_DB_NO_ARGS, &rows)
		    : -ENOMEM;

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_object_set_new(ids, sk_db_get_text(rows, 0), json_true());
	if (r < 0)
		return r;
	*ret_ids = own_take(ids);
	return 0;
}
