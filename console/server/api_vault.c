/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys that wrap all others: copies of them that people keep, their epoch, and its renewal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "console/keys/epoch.h"
#include "console/keys/renew.h"
#include "console/keys/signing.h"
#include "console/rules/key_copies.h"
#include "console/server/act.h"
#include "console/server/home_copy.h"
#include "console/server/server.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/reason/reason.h"

/* ---- copies ---- */

static int add_outdated(SkDb *db, json_t *row)
{
	json_auto_t *old = NULL;
	int r = sk_key_copies_old(db, &old);

	if (r < 0)
		return r;
	return json_object_set_new(
		row, "outdated", json_boolean(json_object_get(old, sk_row_text(row, "id"))));
}

int sk_api_key_copy_list(SkCall *call)
{
	return sk_call_answer_list_with(call, &sk_key_copies_table, NULL, add_outdated);
}

typedef struct Copying {
	SkKeyCopyOrder order;
	SkKeyCopy copy;
	const char *id, *note;
} Copying;

static int make(const SkActor *actor, void *userdata)
{
	Copying *copying = userdata;

	return sk_key_copy_make(actor, &copying->order, &copying->copy);
}

/* Return: a text that the caller frees; NULL without memory. */
static char *base64_of(const SkWrap *box)
{
	char *text = malloc(SK_BASE64_SIZE(box->size));

	if (text)
		sk_base64_format(box->bytes, box->size, text);
	return text;
}

static int answer_copy(SkCall *call, const Copying *copying)
{
	own_free char *vault = base64_of(&copying->copy.vault.box), *home = base64_of(&copying->copy.home);

	if (!vault || !home)
		return -ENOMEM;
	return sk_call_answer(call, 201,
		json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "type", SK_VAULT_COPY_INFO, "id",
			copying->copy.vault.id, "epoch", (json_int_t)sk_vault_epoch(copying->order.vault),
			"recoveryKey", copying->copy.recovery_key, "algorithm", SK_BOX_ALGORITHM, "vault",
			sk_vault_id(copying->order.vault), "vaultBox", vault, "homeBox", home));
}

int sk_api_key_copy_make(SkCall *call)
{
	own_secret SkSecret *home = NULL;
	Copying copying = {.order = {.kind = sk_call_body_text(call, "kind"),
				   .holder = sk_call_body_text(call, "holder"),
				   .place = sk_call_body_text(call, "place"),
				   .vault = call->server->home.vault}};
	int r = sk_home_copy(call->server->settings, &call->server->home, &home);

	copying.order.home = home;
	if (r == 0)
		r = sk_call_act(call, make, &copying);
	if (r == 0)
		r = answer_copy(call, &copying);
	sk_key_copy_deinit(&copying.copy);
	return r < 0 ? r : 0;
}

static int destroy(const SkActor *actor, void *userdata)
{
	const Copying *copying = userdata;

	return sk_key_copy_end(actor, copying->id, copying->note);
}

int sk_api_key_copy_destroy(SkCall *call)
{
	Copying copying = {.id = sk_call_text(call, "copy"), .note = sk_call_body_text(call, "note")};
	json_t *row = NULL;
	int r = sk_call_act(call, destroy, &copying);

	if (r == 0)
		r = sk_table_read(call->db, &sk_key_copies_table, SK_SCOPE_ALL, copying.id, &row);
	if (r == 0 && (r = add_outdated(call->db, row)) < 0)
		json_decref(row);
	return r < 0 ? r : r > 0 ? 0 : sk_call_answer(call, 200, row);
}

/* ---- keys that sign ---- */

#define OVERLAP_DAYS 30
#define DAY_MS INT64_C(86400000)

static const SkColumn signing_columns[] = {
	{"id", SK_COLUMN_TEXT, SK_COLUMN_READ_ONLY | SK_COLUMN_SORT, NULL},
	{"purpose", SK_COLUMN_TEXT, SK_COLUMN_SECRET | SK_COLUMN_FILTER, NULL},
	{"algorithm", SK_COLUMN_TEXT, SK_COLUMN_READ_ONLY, NULL},
	{"public_key", SK_COLUMN_BYTES, SK_COLUMN_READ_ONLY, NULL},
	{"created", SK_COLUMN_TIME, SK_COLUMN_READ_ONLY, NULL},
	{"retired", SK_COLUMN_TIME, SK_COLUMN_READ_ONLY, NULL},
};
static const SkTable signing_table = {.name = "public_keys", SK_COLUMNS(signing_columns)};

int sk_api_signing_key_list(SkCall *call)
{
	/* "signing:INSTANCE"; ';' follows on ':'. */
	const SkFilter filters[] = {
		{"purpose", SK_FILTER_FROM, "signing:"}, {"purpose", SK_FILTER_UNTIL, "signing;"}};

	return sk_call_answer_list(call, &signing_table, filters, SK_ARRAY_SIZE(filters));
}

typedef struct Rotating {
	const char *reason;
	int64_t days;
} Rotating;

static int rotate(const SkActor *actor, void *userdata)
{
	const Rotating *rotating = userdata;
	int r = sk_signing_retire(actor->db, actor->now + rotating->days * DAY_MS);

	if (r < 0)
		return r == -EBUSY ? SK_KEYS_CHANGING : r;
	return sk_actor_record(actor, &(SkFact){"signing-key.rotated", NULL, "console", "signing",
					      json_pack("{s:s, s:I}", "reason", rotating->reason,
						      "overlapDays", (json_int_t)rotating->days)});
}

int sk_api_signing_key_rotate(SkCall *call)
{
	Rotating rotating = {
		.reason = sk_call_body_text(call, "reason"), .days = sk_call_body_int(call, "overlapDays")};
	int r;

	if (rotating.days <= 0)
		rotating.days = OVERLAP_DAYS;
	r = sk_call_act(call, rotate, &rotating);
	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}

/* ---- the epoch ---- */

static int read_holders(SkDb *db, json_t **ret_holders)
{
	own_rows SkDbRows *rows = NULL;
	json_auto_t *holders = json_array();
	char seen[SK_TIME_SIZE];
	int r = sk_db_query(db,
		"SELECT h.instance_id, i.name, COALESCE((SELECT MAX(c.epoch) FROM epoch_confirmations c "
		"WHERE "
		"c.instance_id = h.instance_id AND c.confirmed IS NOT NULL), 0), i.last_seen FROM "
		"vault_holders h JOIN instances i ON i.id = h.instance_id WHERE h.ended IS NULL ORDER BY "
		"h.instance_id LIMIT 500",
		SK_DB_NO_ARGS, &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		sk_time_format(seen, sk_db_get_int(rows, 3));
		r = json_array_append_new(
			    holders, json_pack("{s:s, s:s, s:I, s:s}", "instance", sk_db_get_text(rows, 0),
					     "name", sk_db_get_text(rows, 1), "confirmed",
					     (json_int_t)sk_db_get_int(rows, 2), "lastSeen", seen)) < 0
			    ? -ENOMEM
			    : 0;
	}
	if (r == 0)
		*ret_holders = own_take(holders);
	return r;
}

/* The oldest change that is not over: one that not all confirmed, or a renewal whose old tree still stands.
 */
static int read_change(SkDb *db, json_t *epoch)
{
	own_rows SkDbRows *rows = NULL;
	char started[SK_TIME_SIZE];
	int r = sk_db_query(db,
		"SELECT e.created, e.reason, e.destroyed, (SELECT COUNT(*) FROM medium_keys WHERE state = "
		"'live' AND generation < e.generation) + (SELECT COUNT(*) FROM escrows WHERE wrapped IS NOT "
		"NULL AND generation < e.generation) FROM epochs e WHERE e.destroyed IS NULL OR (e.kind = "
		"'renew' AND e.generation IS NOT NULL AND NOT EXISTS (SELECT 1 FROM epochs d WHERE d.kind = "
		"'drop' AND d.generation = e.generation)) ORDER BY e.number LIMIT 1",
		SK_DB_NO_ARGS, &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	if (r == 0)
		return json_object_update_new(epoch, json_pack("{s:s, s:s, s:i, s:n}", "state", "settled",
							     "reason", "", "left", 0, "started"));
	sk_time_format(started, sk_db_get_int(rows, 0));
	return json_object_update_new(epoch,
		json_pack("{s:s, s:s, s:I, s:s}", "state", sk_db_is_null(rows, 2) ? "waiting" : "rewrapping",
			"reason", sk_db_get_text(rows, 1), "left", (json_int_t)sk_db_get_int(rows, 3),
			"started", started));
}

int sk_api_epoch_show(SkCall *call)
{
	SkVault *vault = call->server->home.vault;
	json_auto_t *epoch = json_pack(
		"{s:I, s:s}", "epoch", (json_int_t)sk_vault_epoch(vault), "vault", sk_vault_id(vault));
	json_t *holders = NULL;
	int r = epoch ? read_holders(call->db, &holders) : -ENOMEM;

	if (r == 0 && json_object_set_new(epoch, "holders", holders) < 0)
		r = -ENOMEM;
	if (r == 0 && read_change(call->db, epoch) < 0)
		r = -EIO;
	return r < 0 ? r : sk_call_answer(call, 200, json_incref(epoch));
}

typedef struct Renewing {
	const char *reason, *vault;
	uint64_t epoch;
} Renewing;

static int record_renewal(const SkActor *actor, void *userdata)
{
	const Renewing *renewing = userdata;

	return sk_actor_record(actor, &(SkFact){"epoch.renewal-begun", NULL, "vault", renewing->vault,
					      json_pack("{s:s, s:I}", "reason", renewing->reason, "epoch",
						      (json_int_t)renewing->epoch)});
}

/* What follows, the keeper of each console does (keeper.h). */
int sk_api_epoch_renew(SkCall *call)
{
	SkVault *vault = call->server->home.vault;
	Renewing renewing = {.reason = sk_call_body_text(call, "reason"), .vault = sk_vault_id(vault)};
	int r = sk_renew_start(call->db, vault, call->caller.person, renewing.reason);

	if (r == -EBUSY || r == -EHOSTDOWN)
		return sk_call_refuse(call, SK_KEYS_CHANGING, NULL);
	renewing.epoch = sk_vault_epoch(vault);
	if (r == 0)
		r = sk_call_act(call, record_renewal, &renewing);
	return r < 0 ? r : r > 0 ? 0 : sk_api_epoch_show(call);
}
