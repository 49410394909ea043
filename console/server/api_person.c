/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accounts: one person, one id, never given to anybody else (ACC-1). */
#include <errno.h>
#include <string.h>

#include "api_handlers.h"
#include "console/server/act.h"
#include "console/server/password_rules.h"
#include "console/server/person.h"
#include "console/server/session.h"
#include "console/server/sign_in.h"
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

/* What a person is given is shown this once. */
static int answer_password(SkCall *call, int r, unsigned status, const char *person, char *password)
{
	json_t *described = NULL;

	if (r == 0)
		r = sk_person_describe(call->db, person, &described);
	if (r == 0)
		r = sk_call_answer(call, status,
			json_pack("{s:o, s:s}", "person", described, "oneTimePassword", password));
	sk_secret_wipe(password, SK_PASSWORD_MADE_SIZE);
	return r < 0 ? r : 0;
}

int sk_api_person_show(SkCall *call)
{
	const char *person = sk_call_text(call, "person");
	int r = sk_person_visible(call, person);

	return sk_person_answer(call, r, 200, person);
}

/* ---- making ---- */

typedef struct Creation {
	SkCall *call;
	char id[SK_ID_SIZE], role_id[SK_ID_SIZE];
	char key[SK_VALIDATE_DETAIL_SIZE];
	char password[SK_PASSWORD_MADE_SIZE], hash[SK_PASSWORD_HASH_SIZE];
} Creation;

static int insert_role(const SkActor *actor, const Creation *c)
{
	return sk_db_exec(actor->db,
		"INSERT INTO person_roles (id, person_id, role, facility_id, granted, granted_by) "
		"VALUES ($1, $2, $3, $4, $5, $6)",
		SK_DB_ARGS(sk_db_text(c->role_id), sk_db_text(c->id),
			sk_db_text(sk_call_body_text(c->call, "role")),
			sk_db_text(sk_call_body_text(c->call, "facility")), sk_db_int(actor->now),
			sk_db_text(actor->person)),
		NULL);
}

static int record_creation(const SkActor *actor, const SkCall *call, const char *person)
{
	return sk_actor_record(
		actor, &(SkFact){.kind = "person.created",
			       .facility = sk_call_body_text(call, "facility"),
			       .subject_kind = "person",
			       .subject = person,
			       .body = json_pack("{s:s, s:s, s:s}", "login", sk_call_body_text(call, "login"),
				       "role", sk_call_body_text(call, "role"), "identityCheck",
				       sk_call_body_text(call, "identityCheck"))});
}

static int create(const SkActor *actor, void *userdata)
{
	const Creation *c = userdata;
	SkCall *call = c->call;
	int r = sk_person_holds(call, sk_call_body_text(call, "facility"));

	if (r == 0)
		r = sk_db_exec(actor->db,
			"INSERT INTO people (id, login, login_key, name, email, created, created_by) "
			"VALUES ($1, $2, $3, $4, $5, $6, $7)",
			SK_DB_ARGS(sk_db_text(c->id), sk_db_text(sk_call_body_text(call, "login")),
				sk_db_text(c->key), sk_db_text(sk_call_body_text(call, "name")),
				sk_db_text(sk_call_body_text(call, "email")), sk_db_int(actor->now),
				sk_db_text(actor->person)),
			NULL);
	if (r == 0)
		r = insert_role(actor, c);
	if (r == 0)
		r = sk_person_set_password(actor->db, &(SkNewPassword){c->id, c->hash, actor->person,
							      sk_call_body_text(call, "identityCheck")});
	return r != 0 ? r : record_creation(actor, call, c->id);
}

static int make_password(char password[SK_PASSWORD_MADE_SIZE], char hash[SK_PASSWORD_HASH_SIZE])
{
	sk_password_make(password);
	return sk_password_hash(password, hash);
}

int sk_api_person_create(SkCall *call)
{
	Creation c = {.call = call};
	int r;

	sk_sign_in_key(sk_call_body_text(call, "login"), c.key, sizeof(c.key));
	sk_id_new(c.id);
	sk_id_new(c.role_id);
	r = make_password(c.password, c.hash);
	if (r == 0)
		r = sk_call_act(call, create, &c);
	r = answer_password(call, r, 201, c.id, c.password);
	return r == -EEXIST ? sk_call_refuse(call, SK_LOGIN_USED, NULL) : r;
}

/* ---- changing ---- */

/* What is done to a row of the version that was seen, all of it or nothing. */
typedef struct Step {
	SkCall *call;
	const char *person;
	int (*then)(const SkActor *actor, const struct Step *step);
	const char *kind; /* of the record */
	bool to_oneself;  /* may be done to the own account, too */
	char password[SK_PASSWORD_MADE_SIZE], hash[SK_PASSWORD_HASH_SIZE];
} Step;

static int check_step(const Step *step)
{
	if (step->to_oneself && sk_str_eq(step->person, step->call->caller.person))
		return sk_person_visible(step->call, step->person);
	return sk_person_changeable(step->call, step->person);
}

static int run_step(const SkActor *actor, void *userdata)
{
	const Step *step = userdata;
	int64_t changed = 0;
	int r = check_step(step);

	if (r == 0)
		r = sk_db_exec(actor->db,
			"UPDATE people SET version = version + 1 WHERE id = $1 AND version = $2",
			SK_DB_ARGS(
				sk_db_text(step->person), sk_db_int(sk_call_body_int(step->call, "version"))),
			&changed);
	if (r == 0)
		r = changed == 1 ? step->then(actor, step) : -ECANCELED;
	return r != 0 ? r
		      : sk_actor_record(actor, &(SkFact){.kind = step->kind,
						       .subject_kind = "person",
						       .subject = step->person,
						       .body = json_incref(step->call->body)});
}

static int act(SkCall *call, Step *step)
{
	step->call = call;
	step->person = sk_call_text(call, "person");
	return sk_call_act(call, run_step, step);
}

static int change(const SkActor *actor, const Step *step)
{
	const json_t *email = json_object_get(step->call->body, "email");
	const char *name = sk_call_body_text(step->call, "name");

	return sk_db_exec(actor->db,
		"UPDATE people SET name = COALESCE($1, name), email = CASE WHEN $2 = 1 THEN $3 ELSE email "
		"END WHERE id = $4",
		SK_DB_ARGS(sk_db_text(name), sk_db_int(email != NULL), sk_db_text(json_string_value(email)),
			sk_db_text(step->person)),
		NULL);
}

int sk_api_person_change(SkCall *call)
{
	/* The own name, too: it gives no rights. */
	Step step = {.then = change, .kind = "person.changed", .to_oneself = true};

	return sk_person_answer(call, act(call, &step), 200, sk_call_text(call, "person"));
}

static int disable(const SkActor *actor, const Step *step)
{
	int r = sk_db_exec(actor->db,
		"UPDATE people SET state = 'disabled', disabled = $1, disabled_by = $2, note = $3 WHERE id = "
		"$4",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(actor->person),
			sk_db_text(sk_call_body_text(step->call, "reason")), sk_db_text(step->person)),
		NULL);

	if (r == 0)
		r = sk_session_end_all(actor->db, step->person, "", "disabled");
	return r < 0 ? r : sk_person_check_managers(actor->db);
}

int sk_api_person_disable(SkCall *call)
{
	Step step = {.then = disable, .kind = "person.disabled"};

	return sk_person_answer(call, act(call, &step), 200, sk_call_text(call, "person"));
}

static int enable(const SkActor *actor, const Step *step)
{
	return sk_db_exec(actor->db,
		"UPDATE people SET state = 'active', disabled = NULL, disabled_by = NULL, note = $1 WHERE id "
		"= $2",
		SK_DB_ARGS(
			sk_db_text(sk_call_body_text(step->call, "identityCheck")), sk_db_text(step->person)),
		NULL);
}

int sk_api_person_enable(SkCall *call)
{
	Step step = {.then = enable, .kind = "person.enabled"};

	return sk_person_answer(call, act(call, &step), 200, sk_call_text(call, "person"));
}

static int reset(const SkActor *actor, const Step *step)
{
	int r = sk_db_exec(actor->db,
		"UPDATE credentials SET removed = $1, removed_by = $2 WHERE person_id = $3 AND kind <> "
		"'password' AND removed IS NULL",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(actor->person), sk_db_text(step->person)), NULL);

	if (r == 0)
		r = sk_person_set_password(
			actor->db, &(SkNewPassword){step->person, step->hash, actor->person,
					   sk_call_body_text(step->call, "identityCheck")});
	return r < 0 ? r : sk_session_end_all(actor->db, step->person, "", "reset");
}

int sk_api_person_reset(SkCall *call)
{
	Step step = {.then = reset, .kind = "person.reset"};
	int r = make_password(step.password, step.hash);

	if (r == 0)
		r = act(call, &step);
	return answer_password(call, r, 200, sk_call_text(call, "person"), step.password);
}
