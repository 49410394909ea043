/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What groups of the provider mean here. A rule counts at the next sign-in of whoever is in the group. */
#include <errno.h>

#include "api_handlers.h"
#include "console/server/act.h"
#include "console/server/provider.h"
#include "console/server/server.h"
#include "lib/base/str.h"

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, SK_COLUMN_READ_ONLY, NULL},
	{"group_name", SK_COLUMN_TEXT, SK_COLUMN_CREATE_ONLY, "group"},
	{"role", SK_COLUMN_TEXT, SK_COLUMN_CREATE_ONLY, NULL},
	{"facility_id", SK_COLUMN_TEXT, SK_COLUMN_CREATE_ONLY, NULL},
};
/* Only who may manage the accounts of all facilities gets here. */
static const SkTable table = {.name = "provider_groups", SK_COLUMNS(columns), .shared = true};

int sk_api_provider_group_list(SkCall *call)
{
	return sk_call_answer_list(call, &table, NULL, 0);
}

typedef struct Rule {
	const SkCall *call;
	const char *issuer;
	char id[SK_ID_SIZE];
} Rule;

static int create(const SkActor *actor, void *userdata)
{
	const Rule *rule = userdata;
	const char *facility = sk_call_body_text(rule->call, "facility");
	int r = sk_db_exec(actor->db,
		"INSERT INTO provider_groups (id, issuer, group_name, role, facility_id, created) VALUES "
		"($1, "
		"$2, $3, $4, $5, $6)",
		SK_DB_ARGS(sk_db_text(rule->id), sk_db_text(rule->issuer),
			sk_db_text(sk_call_body_text(rule->call, "group")),
			sk_db_text(sk_call_body_text(rule->call, "role")), sk_db_text(facility),
			sk_db_int(actor->now)),
		NULL);

	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){.kind = "provider-group.created",
						      .facility = facility,
						      .subject_kind = "provider-group",
						      .subject = rule->id,
						      .body = json_incref(rule->call->body)});
}

int sk_api_provider_group_create(SkCall *call)
{
	Rule rule = {.call = call};
	int r;

	if (!call->server->provider)
		return sk_call_refuse(call, SK_PROVIDER_NOT_SET, NULL);
	rule.issuer = sk_provider_issuer(call->server->provider);
	sk_id_new(rule.id);
	r = sk_call_act(call, create, &rule);
	return sk_call_answer_row(call, r, 201, &table, rule.id);
}

static int take_away(const SkActor *actor, void *userdata)
{
	const char *id = userdata;
	int64_t changed = 0;
	int r = sk_db_exec(
		actor->db, "DELETE FROM provider_groups WHERE id = $1", SK_DB_ARGS(sk_db_text(id)), &changed);

	if (r == 0 && changed == 0)
		r = -ENOENT;
	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){.kind = "provider-group.removed",
						      .subject_kind = "provider-group",
						      .subject = id,
						      .body = json_object()});
}

int sk_api_provider_group_remove(SkCall *call)
{
	int r = sk_call_act(call, take_away, (void *)sk_call_text(call, "rule"));

	return r != 0 ? (r < 0 ? r : 0) : sk_call_done(call);
}
