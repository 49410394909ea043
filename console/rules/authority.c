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

typedef struct Reading {
	const char *terminal;
	char facility[SK_ID_SIZE], group[SK_ID_SIZE];
	SkDsseKey *keys; /* of every instance there ever was: a grant outlives the key that signed it. NULL:
			    not read, because most terminals have no grant */
	size_t n_keys;
	SkAuthority *authority;
} Reading;

void sk_authority_deinit(SkAuthority *authority)
{
	json_decref(authority->grants);
	json_decref(authority->revocations);
	*authority = (SkAuthority){0};
}

static int read_terminal(SkDb *db, Reading *reading)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT t.facility_id, t.group_id, r.revision FROM terminals t JOIN terminal_revisions r ON "
		"r.terminal_id = t.id WHERE t.id = $1",
		SK_DB_ARGS(sk_db_text(reading->terminal)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	sk_str_copy(reading->facility, sizeof(reading->facility), sk_db_get_text(rows, 0));
	sk_str_copy(reading->group, sizeof(reading->group), sk_db_get_text(rows, 1));
	reading->authority->revision = sk_db_get_int(rows, 2);
	return 0;
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
	const void *envelope = sk_db_get_bytes(rows, 1, &size);
	SkDsseOpened opened = {0};
	json_t *payload;

	if (!envelope || sk_dsse_verify(envelope, size, &check, &opened) < 0)
		return NULL;
	payload = json_loadb(opened.payload, opened.size, JSON_REJECT_DUPLICATES, NULL);
	free(opened.payload);
	/* A signed text is not another row's. */
	if (payload && !sk_str_eq(sk_row_text(payload, "id"), sk_db_get_text(rows, 0))) {
		json_decref(payload);
		payload = NULL;
	}
	return payload;
}

static int read_grants(SkDb *db, Reading *reading, json_t *grants)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT id, envelope FROM grants WHERE state = 'live' AND terminal_id = $1 UNION ALL "
		"SELECT id, envelope FROM grants WHERE state = 'live' AND group_id = $2 ORDER BY id",
		SK_DB_ARGS(sk_db_text(reading->terminal), sk_db_text(reading->group)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		json_t *grant;

		r = reading->keys ? 0 : read_keys(db, reading);
		if (r < 0)
			return r;
		grant = signed_grant(reading, rows);
		if (!grant)
			sk_log(LOG_ERR, "grant %s is not what was signed, and is not told",
				sk_db_get_text(rows, 0));
		else if (json_array_append_new(grants, grant) < 0)
			return -ENOMEM;
	}
	return r;
}

static int read_ids(SkDb *db, const char *query, const SkDbValue *args, size_t n_args, json_t **ret_ids)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *ids = json_array();
	int r = ids ? sk_db_query(db, query, args, n_args, &rows) : -ENOMEM;

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_array_append_new(ids, json_string(sk_db_get_text(rows, 0))) < 0 ? -ENOMEM : 0;
	if (r < 0)
		return r;
	*ret_ids = own_take(ids);
	return 0;
}

/* Sealed envelopes of the emergency function: what their codes are checked with. */
static int read_emergency(SkDb *db, const Reading *reading, json_t *codes)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT id, verifier, minutes, expires FROM break_glass_codes WHERE state = 'sealed' AND "
		"(terminal_id = $1 OR group_id = $2) ORDER BY id",
		SK_DB_ARGS(sk_db_text(reading->terminal), sk_db_text(reading->group)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		char verifier[SK_BASE64_SIZE(SK_GLASS_VERIFIER_SIZE)];
		size_t size;
		const void *bytes = sk_db_get_bytes(rows, 1, &size);

		r = 0;
		if (!bytes || size != SK_GLASS_VERIFIER_SIZE)
			continue;
		sk_base64_format(bytes, size, verifier);
		if (json_array_append_new(codes,
			    json_pack("{s:s, s:s, s:I, s:I}", "id", sk_db_get_text(rows, 0), "verifier",
				    verifier, "minutes", (json_int_t)sk_db_get_int(rows, 2), "expires",
				    (json_int_t)sk_db_get_int(rows, 3))) < 0)
			return -ENOMEM;
	}
	return r;
}

/* Codes that were taken back and whose window is not over. */
static int read_revoked_codes(SkDb *db, const Reading *reading, json_t *codes)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT counter, valid_from FROM offline_codes WHERE state = 'revoked' AND terminal_id = $1 "
		"AND "
		"valid_until > $2 ORDER BY id",
		SK_DB_ARGS(sk_db_text(reading->terminal), sk_db_int(reading->authority->revision)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_array_append_new(codes,
			    json_pack("{s:I, s:I}", "counter",
				    (json_int_t)(sk_db_get_int(rows, 0) % (SK_OFFLINE_COUNTER_MAX + 1)),
				    "start", (json_int_t)(sk_db_get_int(rows, 1) / HOUR_MS))) < 0
			    ? -ENOMEM
			    : 0;
	return r;
}

static int make_grants(SkDb *db, Reading *reading)
{
	json_auto_t *grants = json_array(), *emergency = json_array();
	int r = grants && emergency ? read_grants(db, reading, grants) : -ENOMEM;

	if (r == 0)
		r = read_emergency(db, reading, emergency);
	if (r < 0)
		return r;
	reading->authority->grants = json_pack("{s:s, s:I, s:O, s:O}", "terminal", reading->terminal,
		"serial", (json_int_t)reading->authority->revision, "grants", grants, "emergency", emergency);
	return reading->authority->grants ? 0 : -ENOMEM;
}

static int make_revocations(SkDb *db, const Reading *reading)
{
	json_auto_t *media = NULL, *grants = NULL, *codes = json_array();
	int r = read_ids(db,
		"SELECT id FROM media WHERE facility_id = $1 AND state IN ('lost', 'revoked', 'found', "
		"'retired') "
		"ORDER BY id",
		SK_DB_ARGS(sk_db_text(reading->facility)), &media);

	/* Grants that were taken back stay named while their time is not over: for who holds an older list.
	 */
	if (r == 0)
		r = read_ids(db,
			"SELECT id FROM grants WHERE state = 'revoked' AND valid_until > $1 AND (terminal_id "
			"= $2 OR "
			"group_id = $3) ORDER BY id",
			SK_DB_ARGS(sk_db_int(reading->authority->revision), sk_db_text(reading->terminal),
				sk_db_text(reading->group)),
			&grants);
	if (r == 0)
		r = codes ? read_revoked_codes(db, reading, codes) : -ENOMEM;
	if (r < 0)
		return r;
	reading->authority->revocations = json_pack("{s:s, s:I, s:O, s:O, s:O}", "terminal",
		reading->terminal, "serial", (json_int_t)reading->authority->revision, "media", media,
		"grants", grants, "codes", codes);
	return reading->authority->revocations ? 0 : -ENOMEM;
}

static int read_all(SkDb *db, void *userdata)
{
	Reading *reading = userdata;
	int r;

	sk_authority_deinit(reading->authority); /* of a run before */
	free(own_take(reading->keys));
	r = read_terminal(db, reading);
	if (r == 0)
		r = make_grants(db, reading);
	return r < 0 ? r : make_revocations(db, reading);
}

int sk_authority_read(SkDb *db, const char *terminal, SkAuthority *ret_authority)
{
	SkAuthority authority = {0};
	Reading reading = {.terminal = terminal, .authority = &authority};
	int r = sk_db_snapshot(db, read_all, &reading);

	free(reading.keys);
	if (r < 0) {
		sk_authority_deinit(&authority);
		return r;
	}
	*ret_authority = authority;
	return 0;
}
