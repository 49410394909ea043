/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/sign_key.h"

#include <errno.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/reason/reason.h"

/* facility may be NULL. Return: 1 and the key; 0 there is none; -ENOENT no such terminal; others. */
static int load(SkDb *db, const char *terminal, char *facility, uint8_t key[SK_SIGN_PUBLIC_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	const void *bytes;
	size_t size = 0;
	int r = sk_db_query(db, "SELECT facility_id, sign_key FROM terminals WHERE id = $1",
		SK_DB_ARGS(sk_db_text(terminal)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	if (facility)
		sk_str_copy(facility, SK_ID_SIZE, sk_db_get_text(rows, 0));
	bytes = sk_db_get_bytes(rows, 1, &size);
	if (!bytes)
		return 0;
	if (size != SK_SIGN_PUBLIC_SIZE)
		return -EUCLEAN;
	memcpy(key, bytes, size);
	return 1;
}

int sk_sign_key_find(SkDb *db, const char *terminal, uint8_t ret_key[SK_SIGN_PUBLIC_SIZE])
{
	int r = load(db, terminal, NULL, ret_key);

	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

int sk_sign_key_tell(const SkActor *actor, const uint8_t key[SK_SIGN_PUBLIC_SIZE])
{
	uint8_t known[SK_SIGN_PUBLIC_SIZE];
	char facility[SK_ID_SIZE] = "";
	int r = load(actor->db, actor->terminal, facility, known);

	if (r != 0)
		return r < 0 ? r : memcmp(known, key, sizeof(known)) == 0 ? 0 : SK_SEAL_KEY_OTHER;
	/* No other version: nobody who edits the row need see it first. */
	r = sk_db_exec(actor->db, "UPDATE terminals SET sign_key = $1 WHERE id = $2",
		SK_DB_ARGS(sk_db_bytes(key, SK_SIGN_PUBLIC_SIZE), sk_db_text(actor->terminal)), NULL);
	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){"terminal.sign-key", facility, "terminal",
						      actor->terminal, json_object()});
}
