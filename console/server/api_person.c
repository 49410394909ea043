/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accounts: one person, one id, never given to anybody else (ACC-1). */
#include <errno.h>
#include <string.h>

#include "api_handlers.h"
#include "console/server/password_rules.h"
#include "console/server/person.h"
#include "console/server/session.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/password.h"
#include "lib/crypt/secret.h"

#define SQL_MAX 1024

/* ---- looking ---- */

static int list_ids(SkCall *call, json_t *ids)
{
	char sql[SQL_MAX], roles[SK_ROLE_LIST_SIZE];
	const char *after = sk_call_text(call, "after");
	own_rows SkDbRows *rows = NULL;
	int r;

	sk_person_role_list(call->operation->roles, roles);
	sk_str_format(sql, sizeof(sql),
		"SELECT p.id FROM people p WHERE p.id > $1 AND ($2 = '' OR p.state = $2) AND EXISTS (SELECT "
		"1 FROM "
		"person_roles c WHERE c.person_id = $3 AND c.removed IS NULL AND c.role IN (%s) AND "
		"(c.facility_id IS "
		"NULL OR EXISTS (SELECT 1 FROM person_roles t WHERE t.person_id = p.id AND t.removed IS NULL "
		"AND "
		"t.facility_id = c.facility_id))) ORDER BY p.id LIMIT $4",
		roles);
	r = sk_db_query(call->db, sql,
		SK_DB_ARGS(sk_db_text(after ? after : ""),
			sk_db_text(sk_call_text(call, "state") ? sk_call_text(call, "state") : ""),
			sk_db_text(call->caller.person), sk_db_int(sk_call_int(call, "limit") + 1)),
		&rows);
	while (r == 0 && (r = sk_db_next(rows)) == 1)
		r = json_array_append_new(ids, json_string(sk_db_get_text(rows, 0))) < 0 ? -ENOMEM : 0;
	return r;
}

int sk_api_person_list(SkCall *call)
{
	json_auto_t *ids = json_array(), *items = json_array();
	size_t limit = (size_t)sk_call_int(call, "limit");
	json_t *next = NULL;
	int r = list_ids(call, ids);

	for (size_t i = 0; r == 0 && i < json_array_size(ids) && i < limit; i++) {
		json_t *person = NULL;

		r = sk_person_describe(call->db, json_string_value(json_array_get(ids, i)), &person);
		if (r == 0)
			r = json_array_append_new(items, person) < 0 ? -ENOMEM : 0;
	}
	if (r < 0)
		return r;
	if (json_array_size(ids) > limit)
		next = json_array_get(ids, limit - 1);
	return sk_call_answer(call, 200, json_pack("{s:O, s:O?}", "items", items, "next", next));
}

static int answer(SkCall *call, unsigned status, const char *person, const char *password)
{
	json_t *described = NULL;
	int r = sk_person_describe(call->db, person, &described);

	if (r < 0)
		return r;
	if (!password)
		return sk_call_answer(call, status, described);
	return sk_call_answer(
		call, status, json_pack("{s:o, s:s}", "person", described, "oneTimePassword", password));
}

int sk_api_person_show(SkCall *call)
{
	const char *person = sk_call_text(call, "person");
	int r = sk_person_visible(call, person);

	return r < 0 ? r : answer(call, 200, person, NULL);
}

/* ---- making ---- */

typedef struct Creation {
	SkCall *call;
	char id[SK_ID_SIZE], role_id[SK_ID_SIZE];
	char key[SK_VALIDATE_DETAIL_SIZE];
	char password[SK_PASSWORD_MADE_SIZE], hash[SK_PASSWORD_HASH_SIZE];
} Creation;

static int insert_role(SkDb *db, const Creation *c, int64_t now)
{
	return sk_db_exec(db,
		"INSERT INTO person_roles (id, person_id, role, facility_id, granted, granted_by) "
		"VALUES ($1, $2, $3, $4, $5, $6)",
		SK_DB_ARGS(sk_db_text(c->role_id), sk_db_text(c->id),
			sk_db_text(sk_call_body_text(c->call, "role")),
			sk_db_text(sk_call_body_text(c->call, "facility")), sk_db_int(now),
			sk_db_text(c->call->caller.person)),
		NULL);
}

static int create(SkDb *db, void *userdata)
{
	const Creation *c = userdata;
	const SkCall *call = c->call;
	int64_t now = sk_time_now();
	int r = sk_db_exec(db,
		"INSERT INTO people (id, login, login_key, name, email, created, created_by) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7)",
		SK_DB_ARGS(sk_db_text(c->id), sk_db_text(sk_call_body_text(call, "login")),
			sk_db_text(c->key), sk_db_text(sk_call_body_text(call, "name")),
			sk_db_text(sk_call_body_text(call, "email")), sk_db_int(now),
			sk_db_text(call->caller.person)),
		NULL);

	if (r == 0)
		r = insert_role(db, c, now);
	if (r == 0)
		r = sk_person_set_password(db, &(SkNewPassword){c->id, c->hash, call->caller.person,
						       sk_call_body_text(call, "identityCheck")});
	if (r < 0)
		return r;
	return sk_call_record(call, db,
		&(SkFact){.kind = "person.created",
			.facility = sk_call_body_text(call, "facility"),
			.subject_kind = "person",
			.subject = c->id,
			.body = json_pack("{s:s, s:s, s:s}", "login", sk_call_body_text(call, "login"),
				"role", sk_call_body_text(call, "role"), "identityCheck",
				sk_call_body_text(call, "identityCheck"))});
}

static int make_password(char password[SK_PASSWORD_MADE_SIZE], char hash[SK_PASSWORD_HASH_SIZE])
{
	sk_password_make(password);
	return sk_password_hash(password, hash);
}

int sk_api_person_create(SkCall *call)
{
	Creation c = {.call = call};
	int r = sk_person_holds(call, sk_call_body_text(call, "facility"));

	if (r < 0)
		return sk_person_refuse(call, r);
	sk_str_copy(c.key, sizeof(c.key), sk_call_body_text(call, "login"));
	for (char *letter = c.key; *letter; letter++)
		if (*letter >= 'A' && *letter <= 'Z')
			*letter = (char)(*letter - 'A' + 'a');
	sk_id_new(c.id);
	sk_id_new(c.role_id);
	r = make_password(c.password, c.hash);
	if (r == 0)
		r = sk_db_transact(call->db, create, &c);
	if (r == 0)
		r = answer(call, 201, c.id, c.password);
	sk_secret_wipe(c.password, sizeof(c.password));
	return r == -EEXIST ? sk_call_refuse(call, SK_LOGIN_USED, NULL) : r;
}

/* ---- changing ---- */

/* What is done to a row of the version that was seen, all of it or nothing. */
typedef struct Step {
	SkCall *call;
	const char *person;
	int (*then)(SkDb *db, const struct Step *step);
	const char *kind; /* of the record */
	char password[SK_PASSWORD_MADE_SIZE], hash[SK_PASSWORD_HASH_SIZE];
} Step;

static int run_step(SkDb *db, void *userdata)
{
	const Step *step = userdata;
	int64_t changed = 0;
	int r = sk_db_exec(db, "UPDATE people SET version = version + 1 WHERE id = $1 AND version = $2",
		SK_DB_ARGS(sk_db_text(step->person), sk_db_int(sk_call_body_int(step->call, "version"))),
		&changed);

	if (r < 0)
		return r;
	r = changed == 1 ? step->then(db, step) : -ECANCELED;
	return r < 0 ? r
		     : sk_call_record(step->call, db,
			       &(SkFact){.kind = step->kind,
				       .subject_kind = "person",
				       .subject = step->person,
				       .body = json_incref(step->call->body)});
}

static int run_checked(SkCall *call, Step *step)
{
	int r;

	step->call = call;
	step->person = sk_call_text(call, "person");
	r = sk_person_changeable(call, step->person);
	if (r == 0)
		r = sk_db_transact(call->db, run_step, step);
	if (r == 0)
		r = answer(call, 200, step->person, step->password[0] ? step->password : NULL);
	sk_secret_wipe(step->password, sizeof(step->password));
	return r < 0 ? sk_person_refuse(call, r) : 0;
}

static int change(SkDb *db, const Step *step)
{
	const json_t *email = json_object_get(step->call->body, "email");
	const char *name = sk_call_body_text(step->call, "name");

	return sk_db_exec(db,
		"UPDATE people SET name = COALESCE($1, name), email = CASE WHEN $2 = 1 THEN $3 ELSE email "
		"END WHERE id = $4",
		SK_DB_ARGS(sk_db_text(name), sk_db_int(email != NULL), sk_db_text(json_string_value(email)),
			sk_db_text(step->person)),
		NULL);
}

int sk_api_person_change(SkCall *call)
{
	Step step = {.call = call,
		.person = sk_call_text(call, "person"),
		.then = change,
		.kind = "person.changed"};
	int r = sk_person_visible(call, step.person);

	/* The own name, too: it gives no rights. */
	if (r == 0 && !sk_str_eq(step.person, call->caller.person))
		r = sk_person_changeable(call, step.person);
	if (r == 0)
		r = sk_db_transact(call->db, run_step, &step);
	return r < 0 ? sk_person_refuse(call, r) : answer(call, 200, step.person, NULL);
}

static int disable(SkDb *db, const Step *step)
{
	int r = sk_db_exec(db,
		"UPDATE people SET state = 'disabled', disabled = $1, disabled_by = $2, note = $3 WHERE id = "
		"$4",
		SK_DB_ARGS(sk_db_int(sk_time_now()), sk_db_text(step->call->caller.person),
			sk_db_text(sk_call_body_text(step->call, "reason")), sk_db_text(step->person)),
		NULL);

	if (r == 0)
		r = sk_session_end_all(db, step->person, "", "disabled");
	return r < 0 ? r : sk_person_check_managers(db);
}

int sk_api_person_disable(SkCall *call)
{
	return run_checked(call, &(Step){.then = disable, .kind = "person.disabled"});
}

static int enable(SkDb *db, const Step *step)
{
	return sk_db_exec(db,
		"UPDATE people SET state = 'active', disabled = NULL, disabled_by = NULL, note = $1 WHERE id "
		"= $2",
		SK_DB_ARGS(
			sk_db_text(sk_call_body_text(step->call, "identityCheck")), sk_db_text(step->person)),
		NULL);
}

int sk_api_person_enable(SkCall *call)
{
	return run_checked(call, &(Step){.then = enable, .kind = "person.enabled"});
}

static int reset(SkDb *db, const Step *step)
{
	const char *by = step->call->caller.person;
	int r = sk_db_exec(db,
		"UPDATE credentials SET removed = $1, removed_by = $2 WHERE person_id = $3 AND kind <> "
		"'password' AND "
		"removed IS NULL",
		SK_DB_ARGS(sk_db_int(sk_time_now()), sk_db_text(by), sk_db_text(step->person)), NULL);

	if (r == 0)
		r = sk_person_set_password(db, &(SkNewPassword){step->person, step->hash, by,
						       sk_call_body_text(step->call, "identityCheck")});
	return r < 0 ? r : sk_session_end_all(db, step->person, "", "reset");
}

int sk_api_person_reset(SkCall *call)
{
	Step step = {.then = reset, .kind = "person.reset"};
	int r = make_password(step.password, step.hash);

	return r < 0 ? r : run_checked(call, &step);
}
