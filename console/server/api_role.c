/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roles of people in facilities. */
#include <errno.h>

#include "api_handlers.h"
#include "console/server/act.h"
#include "console/server/person.h"
#include "lib/base/str.h"

typedef struct RoleChange {
	SkCall *call;
	const char *person, *role, *facility;
	char id[SK_ID_SIZE];
} RoleChange;

/* May the caller, and do both exist where the caller may look? */
static int check(const RoleChange *change)
{
	int r = sk_person_visible(change->call, change->person);

	if (r == 0)
		r = sk_person_holds(change->call, change->facility);
	return r == 0 && sk_str_eq(change->person, change->call->caller.person) ? SK_NOT_BY_YOURSELF : r;
}

/* The account has changed, and so it says. */
static int note(const SkActor *actor, const RoleChange *change, const char *kind)
{
	int r = sk_db_exec(actor->db, "UPDATE people SET version = version + 1 WHERE id = $1",
		SK_DB_ARGS(sk_db_text(change->person)), NULL);

	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){.kind = kind,
						      .facility = change->facility,
						      .subject_kind = "person",
						      .subject = change->person,
						      .body = json_pack("{s:s}", "role", change->role)});
}

static int grant(const SkActor *actor, void *userdata)
{
	const RoleChange *change = userdata;
	int r = check(change);

	if (r == 0)
		r = sk_db_exec(actor->db,
			"INSERT INTO person_roles (id, person_id, role, facility_id, granted, granted_by) "
			"VALUES ($1, $2, $3, $4, $5, $6)",
			SK_DB_ARGS(sk_db_text(change->id), sk_db_text(change->person),
				sk_db_text(change->role), sk_db_text(change->facility), sk_db_int(actor->now),
				sk_db_text(actor->person)),
			NULL);
	return r != 0 ? r : note(actor, change, "role.granted");
}

int sk_api_role_grant(SkCall *call)
{
	RoleChange change = {.call = call,
		.person = sk_call_text(call, "person"),
		.role = sk_call_body_text(call, "role"),
		.facility = sk_call_body_text(call, "facility")};

	sk_id_new(change.id);
	return sk_person_answer(call, sk_call_act(call, grant, &change), 200, change.person);
}

static int take_away(const SkActor *actor, void *userdata)
{
	const RoleChange *change = userdata;
	int64_t changed = 0;
	int r = check(change);

	if (r == 0)
		r = sk_db_exec(actor->db,
			"UPDATE person_roles SET removed = $1, removed_by = $2 WHERE person_id = $3 AND role "
			"= $4 AND removed IS NULL AND COALESCE(facility_id, '') = $5",
			SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(actor->person),
				sk_db_text(change->person), sk_db_text(change->role),
				sk_db_text(change->facility ? change->facility : "")),
			&changed);
	if (r == 0 && changed == 0)
		r = -ENOENT;
	if (r == 0)
		r = sk_person_check_managers(actor->db);
	return r != 0 ? r : note(actor, change, "role.revoked");
}

int sk_api_role_revoke(SkCall *call)
{
	RoleChange change = {.call = call,
		.person = sk_call_text(call, "person"),
		.role = sk_call_text(call, "role"),
		.facility = sk_call_text(call, "facility")};

	return sk_person_answer(call, sk_call_act(call, take_away, &change), 200, change.person);
}
