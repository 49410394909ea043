/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "api_handlers.h"
#include "console/server/act.h"
#include "console/server/person.h"
#include "console/store/time.h"
#include "lib/base/str.h"

static json_t *facility_json(const SkDbRows *rows)
{
	const char *contact = sk_db_is_null(rows, 4) ? "" : sk_db_get_text(rows, 4);

	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:b}", "id", sk_db_get_text(rows, 0), "name",
		sk_db_get_text(rows, 1), "state", sk_db_get_text(rows, 2), "version",
		(json_int_t)sk_db_get_int(rows, 3), "contact", contact, "readWithoutApproval",
		sk_db_get_int(rows, 5) == 1);
}

int sk_api_facility_list(SkCall *call)
{
	json_auto_t *items = json_array();
	const char *after = sk_call_text(call, "after");
	size_t limit = (size_t)sk_call_int(call, "limit");
	own_rows SkDbRows *rows = NULL;
	json_t *next = NULL;
	bool more = false;
	int r = sk_db_query(call->db,
		"SELECT f.id, f.name, f.state, f.version, f.contact, f.read_without_approval FROM facilities "
		"f WHERE f.id > $1 AND EXISTS "
		"(SELECT 1 FROM "
		"person_roles c WHERE c.person_id = $2 AND c.removed IS NULL AND (c.facility_id IS NULL OR "
		"c.facility_id = f.id)) ORDER BY f.id LIMIT $3",
		SK_DB_ARGS(sk_db_text(after ? after : ""), sk_db_text(call->caller.person),
			sk_db_int((int64_t)limit + 1)),
		&rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		more = json_array_size(items) == limit;
		r = more ? 0 : json_array_append_new(items, facility_json(rows)) < 0 ? -ENOMEM : 0;
	}
	if (r < 0)
		return r;
	if (more)
		next = json_object_get(json_array_get(items, limit - 1), "id");
	return sk_call_answer(call, 200, json_pack("{s:O, s:O?}", "items", items, "next", next));
}

static int answer(SkCall *call, unsigned status, const char *id)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(call->db,
		"SELECT id, name, state, version, contact, read_without_approval FROM facilities WHERE id = "
		"$1",
		SK_DB_ARGS(sk_db_text(id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_call_answer(call, status, facility_json(rows));
}

int sk_api_facility_show(SkCall *call)
{
	const char *id = sk_call_text(call, "facility");
	int r = sk_person_holds(call, id);

	return r < 0 ? r : answer(call, 200, id);
}

typedef struct FacilityChange {
	SkCall *call;
	const char *id;
	const char *kind;
	int64_t version; /* 0: it is new */
} FacilityChange;

static int write_facility(const SkActor *actor, void *userdata)
{
	const FacilityChange *change = userdata;
	const json_t *body = change->call->body, *reading = json_object_get(body, "readWithoutApproval");
	const SkDbValue name = sk_db_text(sk_call_body_text(change->call, "name"));
	const char *contact = json_string_value(json_object_get(body, "contact"));
	int64_t changed = 0;
	int r;

	if (change->version == 0)
		r = sk_db_exec(actor->db, "INSERT INTO facilities (name, id, created) VALUES ($1, $2, $3)",
			SK_DB_ARGS(name, sk_db_text(change->id), sk_db_int(actor->now)), &changed);
	else
		r = sk_db_exec(actor->db,
			"UPDATE facilities SET name = $1, contact = COALESCE($4, contact), "
			"read_without_approval "
			"= COALESCE($5, read_without_approval), version = version + 1 WHERE id = $2 AND "
			"version = "
			"$3",
			SK_DB_ARGS(name, sk_db_text(change->id), sk_db_int(change->version),
				sk_db_text(contact),
				reading ? sk_db_int(json_is_true(reading)) : sk_db_null()),
			&changed);
	if (r == 0 && changed == 0)
		r = -ECANCELED;
	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){.kind = change->kind,
						      .facility = change->id,
						      .subject_kind = "facility",
						      .subject = change->id,
						      .body = json_incref(change->call->body)});
}

int sk_api_facility_create(SkCall *call)
{
	char id[SK_ID_SIZE];
	FacilityChange change = {.call = call, .id = id, .kind = "facility.created"};
	int r;

	sk_id_new(id);
	r = sk_call_act(call, write_facility, &change);
	return r != 0 ? (r < 0 ? r : 0) : answer(call, 201, id);
}

static int change_facility(const SkActor *actor, void *userdata)
{
	const FacilityChange *change = userdata;
	int r = sk_person_holds(change->call, change->id);

	return r != 0 ? r : write_facility(actor, userdata);
}

int sk_api_facility_change(SkCall *call)
{
	FacilityChange change = {.call = call,
		.id = sk_call_text(call, "facility"),
		.kind = "facility.changed",
		.version = sk_call_body_int(call, "version")};
	int r = sk_call_act(call, change_facility, &change);

	return r != 0 ? (r < 0 ? r : 0) : answer(call, 200, change.id);
}
