/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/grants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/keys/medium_key.h"
#include "console/rules/ledger.h"
#include "console/rules/recovery_key.h"
#include "console/rules/requests.h"
#include "console/rules/requests_inner.h"
#include "console/rules/tell.h"
#include "console/rules/terminals.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/dsse/dsse.h"
#include "lib/reason/reason.h"

#define HOUR_MS INT64_C(3600000)
#define READING_HOURS 12
#define DIGEST_MAX 64 /* of a LUKS2 volume key */

#define R SK_COLUMN_READ_ONLY
#define F SK_COLUMN_FILTER

static const SkColumn grant_columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | F, NULL},
	{"request_id", SK_COLUMN_TEXT, R | F, NULL},
	{"visit_id", SK_COLUMN_TEXT, R | F, NULL},
	{"medium_id", SK_COLUMN_TEXT, R | F, NULL},
	{"terminal_id", SK_COLUMN_TEXT, R | F, NULL},
	{"group_id", SK_COLUMN_TEXT, R, NULL},
	{"person_id", SK_COLUMN_TEXT, R, NULL},
	{"user_name", SK_COLUMN_TEXT, R, NULL},
	{"mode", SK_COLUMN_TEXT, R | F, NULL},
	{"valid_from", SK_COLUMN_TIME, R, NULL},
	{"valid_until", SK_COLUMN_TIME, R | F | SK_COLUMN_SORT, NULL},
	{"lease_until", SK_COLUMN_TIME, R, NULL},
	{"state", SK_COLUMN_TEXT, R | F, NULL},
	{"envelope", SK_COLUMN_BYTES, R | SK_COLUMN_SECRET, NULL},
	{"key_id", SK_COLUMN_TEXT, R | SK_COLUMN_SECRET, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"ended", SK_COLUMN_TIME, R, NULL},
	{"ended_by", SK_COLUMN_TEXT, R, NULL},
	{"reason", SK_COLUMN_TEXT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_grants_table = {
	.name = "grants", SK_COLUMNS(grant_columns), .facility = "facility_id", .version = "version"};

/* What is to be granted. */
typedef struct Order {
	const json_t *medium; /* its row */
	const char *request;  /* NULL: none */
	const char *visit;    /* NULL: none */
	SkAudience audience;  /* a terminal or a group */
	const char *user;     /* "" anybody */
	const char *person;   /* whom its uses are counted for */
	const char *mode;
	const char *told; /* what the terminal is told instead; NULL: mode */
	int64_t from, until;
	int64_t lease;		/* 0: none */
	const json_t *recovery; /* of a preparation; NULL: none */
} Order;

/* The public half of the medium's key, where it has a living one: terminals check answers with it. */
static int add_key(SkDb *db, const char *medium, json_t *payload)
{
	char text[SK_BASE64_SIZE(SK_OPRF_ELEMENT_SIZE)];
	SkMediumKey key;
	int r = sk_medium_key_find(db, medium, &key);

	if (r == -ENOENT || r == -EKEYREVOKED)
		return 0;
	if (r < 0)
		return r;
	sk_base64_format(key.public_key, sizeof(key.public_key), text);
	return json_object_set_new(payload, "key", json_string(text)) < 0 ? -ENOMEM : 0;
}

/* What tells a prepared medium from every other one, however its device calls itself. */
static int add_identity(SkDb *db, const char *medium, json_t *payload)
{
	own_rows SkDbRows *rows = NULL;
	char text[SK_BASE64_SIZE(DIGEST_MAX)];
	const void *digest;
	size_t size;
	int r = sk_db_query(db, "SELECT luks_uuid, volume_digest FROM media WHERE id = $1",
		SK_DB_ARGS(sk_db_text(medium)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0 || sk_db_is_null(rows, 0))
		return r < 0 ? r : 0;
	digest = sk_db_get_bytes(rows, 1, &size);
	if (!digest || size > DIGEST_MAX)
		return 0;
	sk_base64_format(digest, size, text);
	return json_object_set_new(payload, "uuid", json_string(sk_db_get_text(rows, 0))) < 0 ||
			       json_object_set_new(payload, "digest", json_string(text)) < 0
		       ? -ENOMEM
		       : 0;
}

/* All that a terminal has to know, whoever asks later. */
static int payload_of(const SkActor *actor, const Order *order, const char *id, json_t **ret_payload)
{
	const json_t *medium = order->medium;
	json_auto_t *payload = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "id", id,
		"facility", sk_row_text(medium, "facility"), "medium", sk_row_text(medium, "id"), "number",
		sk_row_text(medium, "number"), "label", sk_row_text(medium, "label"), "mode",
		order->told ? order->told : order->mode, "user", order->user, "from", (json_int_t)order->from,
		"until", (json_int_t)order->until, "lease", (json_int_t)order->lease, "issued",
		(json_int_t)actor->now);
	int r = payload ? add_key(actor->db, sk_row_text(medium, "id"), payload) : -ENOMEM;

	if (r == 0)
		r = add_identity(actor->db, sk_row_text(medium, "id"), payload);
	if (r < 0)
		return r;
	json_object_set_new(payload, order->audience.terminal ? "terminal" : "group",
		json_string(order->audience.terminal ? order->audience.terminal : order->audience.group));
	if (order->request)
		json_object_set_new(payload, "request", json_string(order->request));
	if (order->recovery)
		json_object_set(payload, "recovery", (json_t *)order->recovery);
	*ret_payload = own_take(payload);
	return 0;
}

static int sign(const SkSigning *signing, const json_t *payload, char **ret_envelope)
{
	own_free char *text = json_dumps(payload, JSON_COMPACT | JSON_SORT_KEYS);

	if (!text)
		return -ENOMEM;
	return sk_signing_sign(
		signing, (SkDssePayload){SK_DSSE_GRANT_ISSUED, text, strlen(text)}, ret_envelope);
}

/* The first signature's key, for people who look at the row. */
static void key_id_of(const char *envelope, char ret_id[SK_DSSE_KEY_ID_SIZE])
{
	json_auto_t *object = json_loads(envelope, 0, NULL);

	sk_str_copy(ret_id, SK_DSSE_KEY_ID_SIZE,
		sk_row_text(json_array_get(json_object_get(object, "signatures"), 0), "keyid"));
}

static int insert(const SkActor *actor, const Order *order, const char *id, const char *envelope)
{
	char key_id[SK_DSSE_KEY_ID_SIZE], made[SK_ID_SIZE];
	const json_t *medium = order->medium;

	key_id_of(envelope, key_id);
	return sk_table_insert(actor->db, &sk_grants_table, actor->scope,
		&(SkWrite){SK_SETS({"id", sk_db_text(id)},
			{"facility_id", sk_db_text(sk_row_text(medium, "facility"))},
			{"request_id", sk_db_text(order->request)}, {"visit_id", sk_db_text(order->visit)},
			{"medium_id", sk_db_text(sk_row_text(medium, "id"))},
			{"terminal_id", sk_db_text(order->audience.terminal)},
			{"group_id", sk_db_text(order->audience.group)},
			{"person_id", sk_db_text(order->person)}, {"user_name", sk_db_text(order->user)},
			{"mode", sk_db_text(order->mode)}, {"valid_from", sk_db_int(order->from)},
			{"valid_until", sk_db_int(order->until)},
			{"lease_until", order->lease > 0 ? sk_db_int(order->lease) : sk_db_null()},
			{"envelope", sk_db_bytes(envelope, strlen(envelope))}, {"key_id", sk_db_text(key_id)},
			{"created", sk_db_int(actor->now)})},
		made);
}

static int issue(const SkActor *actor, const SkSigning *signing, const Order *order, char ret_id[SK_ID_SIZE])
{
	own_free char *envelope = NULL;
	json_auto_t *payload = NULL;
	SkAudience audience = order->audience;
	char id[SK_ID_SIZE];
	int r;

	audience.same = SK_SAME_REVOCATIONS;
	sk_id_new(id);
	r = payload_of(actor, order, id, &payload);
	if (r == 0)
		r = sign(signing, payload, &envelope);
	if (r == 0)
		r = insert(actor, order, id, envelope);
	if (r == 0)
		r = sk_tell(actor, &audience);
	if (r < 0)
		return r;
	sk_str_copy(ret_id, SK_ID_SIZE, id);
	return sk_actor_record(
		actor, &(SkFact){"grant.issued", sk_row_text(order->medium, "facility"), "medium",
			       sk_row_text(order->medium, "id"), json_pack("{s:O}", "grant", payload)});
}

/* All groups of a facility. */
static int groups_of(SkDb *db, const char *facility, json_t **ret_groups)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *groups = json_array();
	int r = groups ? sk_db_query(db, "SELECT id FROM terminal_groups WHERE facility_id = $1 ORDER BY id",
				 SK_DB_ARGS(sk_db_text(facility)), &rows)
		       : -ENOMEM;

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_array_append_new(groups, json_string(sk_db_get_text(rows, 0))) < 0 ? -ENOMEM : 0;
	if (r < 0)
		return r;
	*ret_groups = own_take(groups);
	return 0;
}

static int issue_everywhere(const SkActor *actor, const SkSigning *signing, Order *order, const json_t *row)
{
	const char *terminal = sk_row_text(row, "terminal");
	json_auto_t *groups = NULL;
	const json_t *group;
	char id[SK_ID_SIZE];
	size_t i;
	int r;

	if (*terminal) {
		order->audience = (SkAudience){.terminal = terminal};
		return issue(actor, signing, order, id);
	}
	r = groups_of(actor->db, sk_row_text(row, "facility"), &groups);
	json_array_foreach (groups, i, group) {
		if (r < 0)
			return r;
		order->audience = (SkAudience){.group = json_string_value(group)};
		r = issue(actor, signing, order, id);
	}
	return r;
}

/* How each medium of the request may be opened: id -> mode. */
static int modes_of(SkDb *db, const char *request, json_t **ret_modes)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *modes = json_object();
	int r = modes ? sk_db_query(db, "SELECT medium_id, mode FROM request_media WHERE request_id = $1",
				SK_DB_ARGS(sk_db_text(request)), &rows)
		      : -ENOMEM;

	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_object_set_new(modes, sk_db_get_text(rows, 0), json_string(sk_db_get_text(rows, 1)));
	if (r < 0)
		return r;
	*ret_modes = own_take(modes);
	return 0;
}

/* Writing such a medium is handing over: nobody may open it, and an archive is all that goes onto it. From
 * now on the ledger says so, whatever comes of it. */
static int make_hand_over(const SkActor *actor, Order *order, const char *told)
{
	order->told = told;
	order->lease = 0;
	order->recovery = NULL;
	return sk_db_exec(actor->db,
		"UPDATE media SET mode = 'hand-over', version = version + 1 WHERE id = $1 AND mode = 'none'",
		SK_DB_ARGS(sk_db_text(sk_row_text(order->medium, "id"))), NULL);
}

/* What such a request lets terminals do with its media; NULL: open them. */
static const char *told_of(const char *kind)
{
	if (sk_str_eq(kind, SK_REQUEST_KIND_HAND_OVER))
		return SK_REQUEST_KIND_HAND_OVER;
	return sk_str_eq(kind, SK_REQUEST_KIND_OPTICAL) ? "burn" : NULL;
}

int sk_grants_of_request(const SkActor *actor, const SkSigning *signing, const char *request)
{
	json_auto_t *row = NULL, *media = NULL, *modes = NULL, *recovery = NULL;
	const json_t *medium;
	const char *told;
	size_t i;
	int r = sk_table_read(actor->db, &sk_requests_table, actor->scope, request, &row);

	if (r == 0)
		r = sk_request_media(actor, request, &media);
	if (r == 0)
		r = modes_of(actor->db, request, &modes);
	if (r == 0)
		r = sk_recovery_key_find(actor->db, &recovery);
	if (r < 0 && r != -ENOENT)
		return r;
	told = told_of(sk_row_text(row, "kind"));
	json_array_foreach (media, i, medium) {
		Order order = {.medium = medium,
			.request = request,
			.user = sk_row_text(row, "userName"),
			.person = sk_row_text(row, "requester"),
			.mode = sk_row_text(modes, sk_row_text(medium, "id")),
			.from = sk_request_time(row, "outFrom"),
			.until = sk_request_time(row, "due"),
			.lease = sk_request_time(row, "leaseUntil")};

		/* Who may write it may give it another passphrase, and its recovery slot another key. */
		if (sk_str_eq(order.mode, "read-write"))
			order.recovery = recovery;
		r = told ? make_hand_over(actor, &order, told) : 0;
		if (r == 0)
			r = issue_everywhere(actor, signing, &order, row);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Is it at work in the facility of the medium? Return: 0, SK_NOT_FOUND, others. */
static int check_terminal(const SkActor *actor, const char *id, const json_t *medium)
{
	json_auto_t *terminal = NULL;
	int r = sk_table_read(actor->db, &sk_terminals_table, actor->scope, id, &terminal);

	if (r == -ENOENT || (r == 0 && (!sk_str_eq(sk_row_text(terminal, "state"), "enrolled") ||
					       !sk_str_eq(sk_row_text(terminal, "facility"),
						       sk_row_text(medium, "facility")))))
		return SK_NOT_FOUND;
	return r;
}

static int check_preparation(const SkActor *actor, const SkPreparation *preparation, const json_t *medium)
{
	int r = check_terminal(actor, preparation->terminal, medium);

	if (r != 0)
		return r;
	if (!preparation->again && !sk_str_eq(sk_row_text(medium, "mode"), "none"))
		return SK_MEDIUM_PREPARED_ALREADY;
	return sk_str_eq(sk_row_text(medium, "state"), "in-stock") ? 0 : SK_MEDIUM_NOT_POSSIBLE;
}

/* A preparation that was not finished left the key; the next one uses it. */
static int ensure_key(const SkActor *actor, SkVault *vault, const json_t *medium)
{
	SkMediumKey key;
	int r = sk_medium_key_find(actor->db, sk_row_text(medium, "id"), &key);

	if (r != -ENOENT && r != -EKEYREVOKED)
		return r;
	return sk_medium_key_new(
		actor->db, vault, sk_row_text(medium, "id"), sk_row_text(medium, "facility"), &key);
}

int sk_grant_prepare(const SkActor *actor, const SkGrantKeys *keys, const SkPreparation *preparation,
	char ret_id[SK_ID_SIZE])
{
	json_auto_t *medium = NULL, *recovery = NULL;
	Order order = {.audience = {.terminal = preparation->terminal},
		.user = preparation->user,
		.person = actor->person,
		.mode = "prepare",
		.from = actor->now,
		.until = actor->now + preparation->hours * HOUR_MS};
	int r = sk_table_read(actor->db, &sk_media_table, actor->scope, preparation->medium, &medium);

	if (r == 0)
		r = check_preparation(actor, preparation, medium);
	if (r == 0)
		r = sk_recovery_key_find(actor->db, &recovery);
	if (r == -ENOENT && medium)
		return SK_RECOVERY_KEY_MISSING;
	if (r == 0)
		r = ensure_key(actor, keys->vault, medium);
	if (r != 0)
		return r;
	order.medium = medium;
	order.recovery = recovery;
	return issue(actor, keys->signing, &order, ret_id);
}

static int check_group(const SkActor *actor, const char *id, const json_t *medium)
{
	int64_t there = 0;
	int r = sk_db_query_int(actor->db,
		"SELECT count(*) FROM terminal_groups WHERE id = $1 AND facility_id = $2",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(sk_row_text(medium, "facility"))), &there);

	return r < 0 ? r : there > 0 ? 0 : SK_NOT_FOUND;
}

static int check_erasing(const SkActor *actor, const SkErasing *erasing, const json_t *medium)
{
	int r;

	if (!erasing->terminal == !erasing->group)
		return -EINVAL;
	r = erasing->terminal ? check_terminal(actor, erasing->terminal, medium)
			      : check_group(actor, erasing->group, medium);
	if (r != 0)
		return r;
	if (!sk_str_eq(sk_row_text(medium, "state"), "retired"))
		return SK_MEDIUM_NOT_POSSIBLE;
	return *sk_row_text(medium, "luksUuid") ? 0 : SK_MEDIUM_NOT_RECOGNISED;
}

int sk_grant_erase(
	const SkActor *actor, const SkSigning *signing, const SkErasing *erasing, char ret_id[SK_ID_SIZE])
{
	json_auto_t *medium = NULL;
	Order order = {.audience = {.terminal = erasing->terminal, .group = erasing->group},
		.user = erasing->user,
		.person = actor->person,
		.mode = "erase",
		.from = actor->now,
		.until = actor->now + erasing->hours * HOUR_MS};
	int r = sk_table_read(actor->db, &sk_media_table, actor->scope, erasing->medium, &medium);

	if (r == 0)
		r = check_erasing(actor, erasing, medium);
	if (r != 0)
		return r;
	order.medium = medium;
	return issue(actor, signing, &order, ret_id);
}

int sk_grant_for_visit(const SkActor *actor, const SkSigning *signing, const SkVisitGrant *visit)
{
	json_auto_t *medium = NULL;
	char id[SK_ID_SIZE];
	Order order = {.visit = visit->visit,
		.audience = {.terminal = visit->terminal},
		.user = visit->user,
		.person = actor->person,
		.mode = visit->mode,
		.from = actor->now,
		.until = visit->until};
	int state, r = sk_table_read(actor->db, &sk_media_table, actor->scope, visit->medium, &medium);

	if (r < 0)
		return r;
	state = sk_medium_state_parse(sk_row_text(medium, "state"));
	if (state != SK_MEDIUM_IN_STOCK && state != SK_MEDIUM_APPROVED && state != SK_MEDIUM_OUT)
		return SK_MEDIUM_FROZEN;
	order.medium = medium;
	return issue(actor, signing, &order, id);
}

int sk_grant_reading(const SkActor *actor, const SkSigning *signing, const char *medium)
{
	json_auto_t *row = NULL;
	char id[SK_ID_SIZE];
	Order order = {.audience = {.terminal = actor->terminal},
		.user = "",
		.mode = "read",
		.from = actor->now,
		.until = actor->now + READING_HOURS * HOUR_MS};
	int r = sk_table_read(actor->db, &sk_media_table, actor->scope, medium, &row);

	order.medium = row;
	return r < 0 ? r : issue(actor, signing, &order, id);
}
