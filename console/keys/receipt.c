/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/keys/receipt.h"

#include <string.h>

#include "console/store/id.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/oprf.h"

/* Rows as an array of objects; a column named in `names` is a text, or, beginning with '#', a number. */
static int collect(SkDb *db, const char *sql, SkDbValue subject, const char *const *names, json_t **ret_array)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *array = json_array();
	int r = sk_db_query(db, sql, &subject, 1, &rows);

	while (r >= 0 && (r = sk_db_next(rows)) == 1) {
		json_t *object = json_object();

		for (size_t i = 0; names[i]; i++) {
			bool number = names[i][0] == '#';
			json_t *value = sk_db_is_null(rows, i) ? json_null()
					: number	       ? json_integer(sk_db_get_int(rows, i))
							       : json_string(sk_db_get_text(rows, i));

			json_object_set_new(object, names[i] + number, value);
		}
		if (json_array_append_new(array, object) < 0)
			return -ENOMEM;
	}
	if (r < 0)
		return r;
	*ret_array = own_take(array);
	return 0;
}

/* The epoch that cut the medium, and what is known of it. */
static int load_epoch(SkDb *db, const char *medium_id, json_t *receipt, int64_t *ret_epoch)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT e.number, e.vault, e.reason, e.created, e.destroyed FROM epochs e WHERE e.number ="
		" (SELECT MAX(epoch) FROM epoch_cuts WHERE medium_id = $1)",
		SK_DB_ARGS(sk_db_text(medium_id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r == 0 ? -ENOENT : r;
	*ret_epoch = sk_db_get_int(rows, 0);
	json_object_set_new(receipt, "epoch", json_integer(*ret_epoch));
	json_object_set_new(receipt, "vault", json_string(sk_db_get_text(rows, 1)));
	json_object_set_new(receipt, "reason", json_string(sk_db_get_text(rows, 2)));
	json_object_set_new(receipt, "revoked", json_integer(sk_db_get_int(rows, 3)));
	return json_object_set_new(receipt, "destroyed",
		       sk_db_is_null(rows, 4) ? json_null() : json_integer(sk_db_get_int(rows, 4))) < 0
		       ? -ENOMEM
		       : 0;
}

typedef struct Part {
	const char *name, *sql;
	bool by_medium; /* else by epoch */
	const char *names[8];
} Part;

static const Part parts[] = {
	{"keys", "SELECT medium_key_id, epoch FROM epoch_cuts WHERE medium_id = $1 ORDER BY epoch", true,
		{"id", "#epoch"}},
	{"holders",
		"SELECT c.instance_id, i.name, c.method, c.confirmed FROM epoch_confirmations c"
		" JOIN instances i ON i.id = c.instance_id WHERE c.epoch = $1 ORDER BY c.instance_id",
		false, {"instance", "name", "keystore", "#confirmed"}},
	{"leases",
		"SELECT id, terminal_id, valid_until, key_kind FROM leases WHERE medium_id = $1 AND state = "
		"'out'"
		" ORDER BY valid_until",
		true, {"id", "terminal", "#until", "kind"}},
	{"copies",
		"SELECT id, kind, holder, place, epoch, made FROM epoch_copies WHERE epoch < $1 AND "
		"destroyed IS NULL"
		" ORDER BY made",
		false, {"id", "kind", "holder", "place", "#epoch", "#made"}},
};

/* When nobody has anything any more; null while somebody may. */
static json_t *unreadable_from(const json_t *receipt)
{
	json_int_t from = json_integer_value(json_object_get(receipt, "destroyed"));
	json_t *lease;
	size_t i;

	if (!json_is_integer(json_object_get(receipt, "destroyed")) ||
		json_array_size(json_object_get(receipt, "copies")) > 0)
		return json_null();
	json_array_foreach (json_object_get(receipt, "leases"), i, lease) {
		json_int_t until = json_integer_value(json_object_get(lease, "until"));

		from = until > from ? until : from;
	}
	return json_integer(from);
}

int sk_receipt_make(SkDb *db, const char *medium_id, json_t **ret_receipt)
{
	json_auto_t *receipt = json_pack("{s:i, s:s, s:I, s:{s:s, s:s, s:s}}", "version", 1, "medium",
		medium_id, "made", (json_int_t)sk_time_now(), "algorithms", "function", SK_OPRF_ALGORITHM,
		"wrap", SK_AEAD_ALGORITHM, "tree", SK_KEY_TREE_ALGORITHM);
	int64_t epoch;
	int r = receipt ? load_epoch(db, medium_id, receipt, &epoch) : -ENOMEM;

	for (size_t i = 0; i < SK_ARRAY_SIZE(parts) && r == 0; i++) {
		json_t *array = NULL;

		r = collect(db, parts[i].sql, parts[i].by_medium ? sk_db_text(medium_id) : sk_db_int(epoch),
			parts[i].names, &array);
		if (r == 0 && json_object_set_new(receipt, parts[i].name, array) < 0)
			r = -ENOMEM;
	}
	if (r == 0 && json_object_set_new(receipt, "unreadable_from", unreadable_from(receipt)) < 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret_receipt = own_take(receipt);
	return 0;
}

int sk_copy_make(SkDb *db, SkVault *vault, const uint8_t recovery_public[SK_BOX_KEY_SIZE],
	const SkVaultCopy *copy, SkSealedCopy *ret_sealed)
{
	const SkBoxLabel label = {.info = SK_VAULT_COPY_INFO, .aad = sk_vault_id(vault)};
	own_free uint8_t *box = NULL;
	char id[SK_ID_SIZE];
	size_t size;
	int r = sk_vault_export(vault, recovery_public, label, &box, &size);

	if (r < 0)
		return r;
	sk_id_new(id);
	const SkDbValue values[] = {sk_db_text(id), sk_db_int((int64_t)sk_vault_epoch(vault)),
		sk_db_text(copy->kind), sk_db_text(copy->holder), sk_db_text(copy->place),
		sk_db_text(copy->recovery_key), sk_db_int(sk_time_now()), sk_db_text(copy->made_by)};

	r = sk_db_exec(db,
		"INSERT INTO epoch_copies (id, epoch, kind, holder, place, recovery_key, made, made_by)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		values, SK_ARRAY_SIZE(values), NULL);
	if (r < 0)
		return r;
	sk_str_copy(ret_sealed->id, sizeof(ret_sealed->id), id);
	ret_sealed->box = (SkWrap){own_take(box), size};
	return 0;
}

int sk_copy_end(SkDb *db, const char *copy_id, const char *person_id, const char *note)
{
	int64_t changed;
	int r = sk_db_exec(db,
		"UPDATE epoch_copies SET destroyed = $2, destroyed_by = $3, note = $4, version = version + 1"
		" WHERE id = $1 AND destroyed IS NULL",
		SK_DB_ARGS(sk_db_text(copy_id), sk_db_int(sk_time_now()), sk_db_text(person_id),
			sk_db_text(note)),
		&changed);

	return r < 0 ? r : changed == 1 ? 0 : -ENOENT;
}

int sk_copy_count_old(SkDb *db, int64_t *ret_count)
{
	return sk_db_query_int(
		db, "SELECT COUNT(*) FROM epoch_copies WHERE " SK_COPY_IS_OLD, SK_DB_NO_ARGS, ret_count);
}
