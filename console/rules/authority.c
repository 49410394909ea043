/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/authority.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "console/store/table.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/glass.h"
#include "lib/crypt/offline_code.h"
#include "lib/dsse/dsse.h"
#include "lib/log/log.h"

#define HOUR_MS INT64_C(3600000)
#define KEYS_MAX 256
#define PAYLOAD_MAX 65536

/* What a row of the one statement is. */
enum { OF_TERMINAL, OF_GRANT, OF_EMERGENCY, OF_MEDIUM, OF_REVOKED_GRANT, OF_REVOKED_CODE, OF_MAX };

typedef struct Reading {
	const char *terminal;
	int64_t known;
	bool found, grants_changed, revocations_changed;
	SkDsseKey *keys; /* of every instance there ever was: a grant outlives the key that signed it. NULL:
			    not read, because most terminals have no grant */
	size_t n_keys;
	json_t *lists[OF_MAX];
	SkAuthority *authority;
} Reading;

/*
 * All in one statement: thousands ask at once when a medium is lost. $1: the terminal, $2: the revision that
 * it knows. Columns: what it is, id, bytes, three numbers. Grants that were taken back, and codes, stay named
 * while their time is not over: for who holds an older list.
 */
static const char statement[] =
	"WITH t AS (SELECT t.id, t.facility_id, t.group_id, r.revision, r.grants, r.revocations FROM "
	"terminals t "
	"JOIN terminal_revisions r ON r.terminal_id = t.id WHERE t.id = $1) "
	"SELECT 0 AS kind, t.id AS id, NULL AS bytes, t.revision, t.grants, t.revocations FROM t "
	"UNION ALL SELECT 1, g.id, g.envelope, 0, 0, 0 FROM t JOIN grants g ON g.terminal_id = t.id WHERE "
	"t.grants > $2 AND g.state = 'live' "
	"UNION ALL SELECT 1, g.id, g.envelope, 0, 0, 0 FROM t JOIN grants g ON g.group_id = t.group_id WHERE "
	"t.grants > $2 AND g.state = 'live' "
	"UNION ALL SELECT 2, b.id, b.verifier, b.minutes, b.expires, 0 FROM t JOIN break_glass_codes b ON "
	"b.terminal_id = t.id WHERE t.grants > $2 AND b.state = 'sealed' "
	"UNION ALL SELECT 2, b.id, b.verifier, b.minutes, b.expires, 0 FROM t JOIN break_glass_codes b ON "
	"b.group_id = t.group_id WHERE t.grants > $2 AND b.state = 'sealed' "
	"UNION ALL SELECT 3, m.id, NULL, 0, 0, 0 FROM t JOIN media m ON m.facility_id = t.facility_id WHERE "
	"t.revocations > $2 AND m.state IN ('lost', 'revoked', 'found', 'retired') "
	"UNION ALL SELECT 4, g.id, NULL, 0, 0, 0 FROM t JOIN grants g ON g.terminal_id = t.id WHERE "
	"t.revocations > $2 AND g.state = 'revoked' AND g.valid_until > t.revision "
	"UNION ALL SELECT 4, g.id, NULL, 0, 0, 0 FROM t JOIN grants g ON g.group_id = t.group_id WHERE "
	"t.revocations > $2 AND g.state = 'revoked' AND g.valid_until > t.revision "
	"UNION ALL SELECT 5, c.id, NULL, c.counter, c.valid_from, 0 FROM t JOIN offline_codes c ON "
	"c.terminal_id = "
	"t.id WHERE t.revocations > $2 AND c.state = 'revoked' AND c.valid_until > t.revision ORDER BY kind, "
	"id";

void sk_authority_deinit(SkAuthority *authority)
{
	json_decref(authority->grants);
	json_decref(authority->revocations);
	*authority = (SkAuthority){0};
}

static int read_keys(SkDb *db, Reading *reading)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT id, public_key FROM public_keys WHERE purpose LIKE 'signing:%' ORDER BY created DESC "
		"LIMIT "
		"256",
		SK_DB_NO_ARGS, &rows);

	if (r < 0)
		return r;
	reading->keys = calloc(KEYS_MAX, sizeof(*reading->keys));
	if (!reading->keys)
		return -ENOMEM;
	reading->n_keys = 0;
	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		SkDsseKey *key = &reading->keys[reading->n_keys];
		size_t size;
		const void *bytes = sk_db_get_bytes(rows, 1, &size);

		r = 0;
		if (!bytes || size != sizeof(key->public_key) ||
			!sk_str_copy(key->id, sizeof(key->id), sk_db_get_text(rows, 0)))
			continue;
		memcpy(key->public_key, bytes, size);
		reading->n_keys++;
	}
	return r;
}

/* What was signed when the row was made. Return: a new reference, or NULL: it is not what the row says. */
static json_t *signed_grant(const Reading *reading, const SkDbRows *rows)
{
	const SkDsseCheck check = {.keys = reading->keys,
		.n_keys = reading->n_keys,
		.type = SK_DSSE_GRANT_ISSUED,
		.payload_max = PAYLOAD_MAX};
	size_t size;
	const void *envelope = sk_db_get_bytes(rows, 2, &size);
	SkDsseOpened opened = {0};
	json_t *payload;

	if (!envelope || sk_dsse_verify(envelope, size, &check, &opened) < 0)
		return NULL;
	payload = json_loadb(opened.payload, opened.size, JSON_REJECT_DUPLICATES, NULL);
	free(opened.payload);
	/* A signed text is not another row's. */
	if (payload && !sk_str_eq(sk_row_text(payload, "id"), sk_db_get_text(rows, 1))) {
		json_decref(payload);
		payload = NULL;
	}
	return payload;
}

static int add_grant(SkDb *db, Reading *reading, const SkDbRows *rows)
{
	int r = reading->keys ? 0 : read_keys(db, reading);
	json_t *grant = r == 0 ? signed_grant(reading, rows) : NULL;

	if (r == 0 && !grant)
		sk_log(LOG_ERR, "grant %s is not what was signed, and is not told", sk_db_get_text(rows, 1));
	return grant && json_array_append_new(reading->lists[OF_GRANT], grant) < 0 ? -ENOMEM : r;
}

/* A sealed envelope of the emergency function: what its code is checked with. */
static json_t *emergency_of(const SkDbRows *rows)
{
	char verifier[SK_BASE64_SIZE(SK_GLASS_VERIFIER_SIZE)];
	size_t size;
	const void *bytes = sk_db_get_bytes(rows, 2, &size);

	if (!bytes || size != SK_GLASS_VERIFIER_SIZE)
		return NULL;
	sk_base64_format(bytes, size, verifier);
	return json_pack("{s:s, s:s, s:I, s:I}", "id", sk_db_get_text(rows, 1), "verifier", verifier,
		"minutes", (json_int_t)sk_db_get_int(rows, 3), "expires", (json_int_t)sk_db_get_int(rows, 4));
}

static json_t *revoked_code_of(const SkDbRows *rows)
{
	return json_pack("{s:I, s:I}", "counter",
		(json_int_t)(sk_db_get_int(rows, 3) % (SK_OFFLINE_COUNTER_MAX + 1)), "start",
		(json_int_t)(sk_db_get_int(rows, 4) / HOUR_MS));
}

static int add_row(SkDb *db, Reading *reading, const SkDbRows *rows)
{
	int64_t kind = sk_db_get_int(rows, 0);

	switch (kind) {
	case OF_TERMINAL:
		reading->found = true;
		reading->authority->revision = sk_db_get_int(rows, 3);
		reading->grants_changed = sk_db_get_int(rows, 4) > reading->known;
		reading->revocations_changed = sk_db_get_int(rows, 5) > reading->known;
		return 0;
	case OF_GRANT:
		return add_grant(db, reading, rows);
	case OF_EMERGENCY:
		json_array_append_new(reading->lists[kind], emergency_of(rows));
		return 0;
	case OF_MEDIUM:
	case OF_REVOKED_GRANT:
		return json_array_append_new(reading->lists[kind], json_string(sk_db_get_text(rows, 1))) < 0
			       ? -ENOMEM
			       : 0;
	case OF_REVOKED_CODE:
		return json_array_append_new(reading->lists[kind], revoked_code_of(rows)) < 0 ? -ENOMEM : 0;
	default:
		return -EUCLEAN;
	}
}

static int make_documents(Reading *reading)
{
	SkAuthority *authority = reading->authority;
	json_int_t serial = (json_int_t)authority->revision;
	json_t **lists = reading->lists;

	if (reading->grants_changed)
		authority->grants = json_pack("{s:s, s:I, s:O, s:O}", "terminal", reading->terminal, "serial",
			serial, "grants", lists[OF_GRANT], "emergency", lists[OF_EMERGENCY]);
	if (reading->revocations_changed)
		authority->revocations = json_pack("{s:s, s:I, s:O, s:O, s:O}", "terminal", reading->terminal,
			"serial", serial, "media", lists[OF_MEDIUM], "grants", lists[OF_REVOKED_GRANT],
			"codes", lists[OF_REVOKED_CODE]);
	return (reading->grants_changed && !authority->grants) ||
			       (reading->revocations_changed && !authority->revocations)
		       ? -ENOMEM
		       : 0;
}

static int read_all(SkDb *db, Reading *reading)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(
		db, statement, SK_DB_ARGS(sk_db_text(reading->terminal), sk_db_int(reading->known)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = add_row(db, reading, rows);
	if (r < 0)
		return r;
	return reading->found ? make_documents(reading) : -ENOENT;
}

int sk_authority_read(SkDb *db, const char *terminal, int64_t known, SkAuthority *ret_authority)
{
	SkAuthority authority = {0};
	Reading reading = {.terminal = terminal, .known = known, .authority = &authority};
	int r = 0;

	for (size_t i = OF_GRANT; i < OF_MAX; i++) {
		reading.lists[i] = json_array();
		if (!reading.lists[i])
			r = -ENOMEM;
	}
	if (r == 0)
		r = read_all(db, &reading);
	for (size_t i = OF_GRANT; i < OF_MAX; i++)
		json_decref(reading.lists[i]);
	free(reading.keys);
	if (r < 0) {
		sk_authority_deinit(&authority);
		return r;
	}
	*ret_authority = authority;
	return 0;
}
