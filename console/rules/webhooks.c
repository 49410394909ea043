/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/webhooks.h"

#include <errno.h>
#include <string.h>

#include "console/rules/alerts.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define R SK_COLUMN_READ_ONLY

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"facility_id", SK_COLUMN_TEXT, R | SK_COLUMN_FILTER, NULL},
	{"name", SK_COLUMN_TEXT, R, NULL},
	{"url", SK_COLUMN_TEXT, R, NULL},
	{"secret", SK_COLUMN_BYTES, R | SK_COLUMN_SECRET, NULL},
	{"kinds", SK_COLUMN_JSON, R, NULL},
	{"state", SK_COLUMN_TEXT, R, NULL},
	{"created", SK_COLUMN_TIME, R, NULL},
	{"created_by", SK_COLUMN_TEXT, R, NULL},
	{"version", SK_COLUMN_INT, R, NULL},
};

const SkTable sk_webhooks_table = {
	.name = "webhooks", SK_COLUMNS(columns), .facility = "facility_id", .version = "version"};

/* A name and a path; a login does not belong into an address that is shown in lists. */
static bool is_url(const char *url)
{
	const char *host = sk_str_starts(url, "https://") ? url + strlen("https://") : "";

	if (!*host || *host == '/' || strchr(host, '@'))
		return false;
	for (const char *p = host; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7F)
			return false;
	return true;
}

static bool are_kinds(const json_t *kinds)
{
	const json_t *kind;
	size_t i;

	json_array_foreach (kinds, i, kind)
		if (!json_is_string(kind) || (!sk_alert_kind(json_string_value(kind)) &&
						     !sk_str_eq(json_string_value(kind), "return-soon")))
			return false;
	return true;
}

int sk_webhook_create(const SkActor *actor, const SkWebhookNew *webhook)
{
	own_free char *kinds = webhook->kinds ? json_dumps(webhook->kinds, JSON_COMPACT) : strdup("[]");
	int r;

	if (!kinds)
		return -ENOMEM;
	if (webhook->facility ? !sk_scope_has_facility(actor->scope, webhook->facility) : !actor->scope->all)
		return SK_NOT_FOUND;
	if (!is_url(webhook->url) || !are_kinds(webhook->kinds))
		return SK_REQUEST_INVALID;
	r = sk_db_exec(actor->db,
		"INSERT INTO webhooks (id, facility_id, name, url, secret, kinds, created, created_by) "
		"VALUES "
		"($1, $2, $3, $4, $5, $6, $7, $8)",
		SK_DB_ARGS(sk_db_text(webhook->id), sk_db_text(webhook->facility), sk_db_text(webhook->name),
			sk_db_text(webhook->url), sk_db_bytes(webhook->wrapped, webhook->wrapped_size),
			sk_db_text(kinds), sk_db_int(actor->now), sk_db_text(actor->person)),
		NULL);
	if (r < 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){"webhook.created", webhook->facility, "webhook", webhook->id,
			       json_pack("{s:s, s:s}", "name", webhook->name, "url", webhook->url)});
}

/* Return: 0 with the row, or negative errno. */
static int record(const SkActor *actor, const char *id, const json_t *row, const char *kind)
{
	const char *facility = sk_row_text(row, "facility");

	return sk_actor_record(actor, &(SkFact){kind, *facility ? facility : NULL, "webhook", id,
					      json_pack("{s:s, s:s}", "name", sk_row_text(row, "name"), "url",
						      sk_row_text(row, "url"))});
}

int sk_webhook_pause(const SkActor *actor, const SkRowKey *key, bool paused)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_webhooks_table, actor->scope, key->id, &row);

	if (r == 0)
		r = sk_table_update(actor->db, &sk_webhooks_table, actor->scope, key,
			&(SkWrite){SK_SETS({"state", sk_db_text(paused ? "paused" : "active")})});
	return r < 0 ? r : record(actor, key->id, row, paused ? "webhook.paused" : "webhook.resumed");
}

int sk_webhook_remove(const SkActor *actor, const char *id)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_webhooks_table, actor->scope, id, &row);

	if (r == 0)
		r = sk_table_delete(actor->db, &sk_webhooks_table, actor->scope, &(SkRowKey){.id = id});
	return r < 0 ? r : record(actor, id, row, "webhook.removed");
}

int sk_webhook_read(SkDb *db, const char *id, SkWebhookTarget *ret_target)
{
	own_rows SkDbRows *rows = NULL;
	SkWebhookTarget target = {.active = false};
	const void *wrapped;
	int r = sk_db_query(db, "SELECT url, secret, state FROM webhooks WHERE id = $1",
		SK_DB_ARGS(sk_db_text(id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	wrapped = sk_db_get_bytes(rows, 1, &target.wrapped_size);
	if (!wrapped || target.wrapped_size > sizeof(target.wrapped))
		return -EUCLEAN;
	memcpy(target.wrapped, wrapped, target.wrapped_size);
	target.active = sk_str_eq(sk_db_get_text(rows, 2), "active");
	target.url = strdup(sk_db_get_text(rows, 0));
	if (!target.url)
		return -ENOMEM;
	*ret_target = target;
	return 0;
}
