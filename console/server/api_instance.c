/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processes of the console that share this database: which there are, who is let in, and who is gone. */
#include <errno.h>

#include "api_handlers.h"
#include "console/keys/epoch.h"
#include "console/keys/handover.h"
#include "console/server/act.h"
#include "console/server/home_copy.h"
#include "console/server/server.h"
#include "lib/base/str.h"

#define R SK_COLUMN_READ_ONLY

static const SkColumn columns[] = {
	{"id", SK_COLUMN_TEXT, R | SK_COLUMN_SORT, NULL},
	{"name", SK_COLUMN_TEXT, R, NULL},
	{"host", SK_COLUMN_TEXT, R, NULL},
	{"software", SK_COLUMN_TEXT, R, NULL},
	{"started", SK_COLUMN_TIME, R, NULL},
	{"last_seen", SK_COLUMN_TIME, R, NULL},
	{"joined", SK_COLUMN_TIME, R, NULL},
	{"state", SK_COLUMN_TEXT, R, NULL},
};
static const SkTable table = {.name = "instances", SK_COLUMNS(columns)};

int sk_api_instance_list(SkCall *call)
{
	return sk_call_answer_list(call, &table, NULL, 0);
}

typedef struct Membership {
	const char *instance;
	SkVault *vault;
	SkAdmission admission;
} Membership;

/* changed: rows; 0: there is none. */
static int record(const SkActor *actor, const char *instance, int64_t changed, const char *kind)
{
	return changed == 0 ? -ESTALE
			    : sk_actor_record(actor, &(SkFact){.kind = kind,
							     .subject_kind = "instance",
							     .subject = instance,
							     .body = json_object()});
}

static int admit(const SkActor *actor, void *userdata)
{
	Membership *membership = userdata;
	int64_t changed = 0;
	int r;

	membership->admission.actor = actor->person;
	r = sk_join_admit(actor->db, membership->vault, &membership->admission);
	if (r == -ENOENT)
		return SK_NOT_FOUND;
	if (r == -EKEYREJECTED)
		return SK_INSTANCE_NOT_THIS;
	if (r == 0)
		r = sk_db_exec(actor->db, "UPDATE instances SET joined = $2, state = 'active' WHERE id = $1",
			SK_DB_ARGS(sk_db_text(membership->instance), sk_db_int(actor->now)), &changed);
	return r < 0 ? r : record(actor, membership->instance, changed, "instance.admitted");
}

/* What it gets is sealed to the key whose fingerprint the person has typed. */
int sk_api_instance_admit(SkCall *call)
{
	const char *instance = sk_call_text(call, "instance");
	own_secret SkSecret *copy = NULL;
	Membership membership = {.instance = instance,
		.vault = call->server->home.vault,
		.admission = {
			.instance_id = instance, .fingerprint = sk_call_body_text(call, "fingerprint")}};
	int r = sk_home_copy(call->server->settings, &call->server->home, &copy);

	membership.admission.home = copy;
	if (r == 0)
		r = sk_epoch_apply(call->db, membership.vault, NULL);
	if (r == 0)
		r = sk_call_act(call, admit, &membership);
	return sk_call_answer_row(call, r, 200, &table, instance);
}

static int end(const SkActor *actor, void *userdata)
{
	const Membership *membership = userdata;
	int64_t changed = 0;
	int r = sk_handover_end_holder(actor->db, membership->instance);

	if (r == 0)
		r = sk_db_exec(actor->db, "DELETE FROM vault_joins WHERE instance_id = $1",
			SK_DB_ARGS(sk_db_text(membership->instance)), NULL);
	if (r == 0)
		r = sk_db_exec(actor->db, "UPDATE instances SET state = 'retired' WHERE id = $1",
			SK_DB_ARGS(sk_db_text(membership->instance)), &changed);
	return r < 0 ? r : record(actor, membership->instance, changed, "instance.ended");
}

/* It holds up the end of an epoch no longer, and is handed nothing any more. */
int sk_api_instance_end(SkCall *call)
{
	Membership membership = {
		.instance = sk_call_text(call, "instance"), .vault = call->server->home.vault};
	int r;

	/* This one answers: it is not gone. */
	if (sk_str_eq(membership.instance, sk_vault_instance(membership.vault)))
		return sk_call_refuse(call, SK_INSTANCE_IS_THIS, NULL);
	r = sk_call_act(call, end, &membership);
	return sk_call_answer_row(call, r, 200, &table, membership.instance);
}
