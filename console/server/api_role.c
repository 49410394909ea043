/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roles of people in facilities. */
#include <errno.h>

#include "api_handlers.h"
#include "console/server/person.h"
#include "console/store/time.h"
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
	return r == 0 && sk_str_eq(change->person, change->call->caller.person) ? -EPERM : r;
}

static int answer(SkCall *call, const char *person, int r)
{
	json_t *described = NULL;

	if (r == 0)
		r = sk_person_describe(call->db, person, &described);
	return r < 0 ? sk_person_refuse(call, r) : sk_call_answer(call, 200, described);
}

static int record(SkDb *db, const RoleChange *change, const char *kind)
{
	return sk_call_record(change->call, db,
		&(SkFact){.kind = kind,
			.facility = change->facility,
			.subject_kind = "person",
			.subject = change->person,
			.body = json_pack("{s:s}", "role", change->role)});
}

static int grant(SkDb *db, void *userdata)
{
	const RoleChange *change = userdata;
	int r = sk_db_exec(db,
		"INSERT INTO person_roles (id, person_id, role, facility_id, granted, granted_by) "
		"VALUES ($1, $2, $3, $4, $5, $6)",
		SK_DB_ARGS(sk_db_text(change->id), sk_db_text(change->person), sk_db_text(change->role),
			sk_db_text(change->facility), sk_db_int(sk_time_now()),
			sk_db_text(change->call->caller.person)),
		NULL);

	if (r == 0)
		r = sk_db_exec(db, "UPDATE people SET version = version + 1 WHERE id = $1",
			SK_DB_ARGS(sk_db_text(change->person)), NULL);
	return r < 0 ? r : record(db, change, "role.granted");
}

int sk_api_role_grant(SkCall *call)
{
	RoleChange change = {.call = call,
		.person = sk_call_text(call, "person"),
		.role = sk_call_body_text(call, "role"),
		.facility = sk_call_body_text(call, "facility")};
	int r = check(&change);

	sk_id_new(change.id);
	if (r == 0)
		r = sk_db_transact(call->db, grant, &change);
	return answer(call, change.person, r);
}

static int take_away(SkDb *db, void *userdata)
{
	const RoleChange *change = userdata;
	int64_t changed = 0;
	int r = sk_db_exec(db,
		"UPDATE person_roles SET removed = $1, removed_by = $2 WHERE person_id = $3 AND role = $4 "
		"AND "
		"removed IS NULL AND COALESCE(facility_id, '') = $5",
		SK_DB_ARGS(sk_db_int(sk_time_now()), sk_db_text(change->call->caller.person),
			sk_db_text(change->person), sk_db_text(change->role),
			sk_db_text(change->facility ? change->facility : "")),
		&changed);

	if (r == 0 && changed == 0)
		r = -ENOENT;
	if (r == 0)
		r = sk_db_exec(db, "UPDATE people SET version = version + 1 WHERE id = $1",
			SK_DB_ARGS(sk_db_text(change->person)), NULL);
	if (r == 0)
		r = sk_person_check_managers(db);
	return r < 0 ? r : record(db, change, "role.revoked");
}

int sk_api_role_revoke(SkCall *call)
{
	RoleChange change = {.call = call,
		.person = sk_call_text(call, "person"),
		.role = sk_call_text(call, "role"),
		.facility = sk_call_text(call, "facility")};
	int r = check(&change);

	if (r == 0)
		r = sk_db_transact(call->db, take_away, &change);
	return answer(call, change.person, r);
}
