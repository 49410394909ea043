/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/person.h"

#include <errno.h>
#include <string.h>

#include "console/store/time.h"
#include "lib/base/str.h"

#define SQL_MAX 1024

/* A password that somebody else knows is good for so long. */
#define GIVEN_MS (INT64_C(3) * 86400000)

void sk_person_role_list(uint32_t roles, char ret_list[SK_ROLE_LIST_SIZE])
{
	size_t used = 0;

	/* No role of that name: never true. */
	sk_str_copy(ret_list, SK_ROLE_LIST_SIZE, "''");
	for (uint32_t bit = 1; bit <= SK_ROLE_ADMINISTRATOR; bit <<= 1)
		if (roles & bit) {
			sk_str_format(ret_list + used, SK_ROLE_LIST_SIZE - used, "%s'%s'", used ? ", " : "",
				sk_api_role_name(bit));
			used = strlen(ret_list);
		}
}

json_t *sk_person_time(const SkDbRows *rows, size_t column)
{
	char text[SK_TIME_SIZE];

	if (sk_db_is_null(rows, column) || !sk_time_format(text, sk_db_get_int(rows, column)))
		return json_null();
	return json_string(text);
}

int sk_person_roles(SkDb *db, const char *person, json_t **ret_roles)
{
	json_auto_t *roles = json_array();
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT role, facility_id FROM person_roles WHERE person_id = $1 AND removed IS NULL "
		"ORDER BY role, facility_id LIMIT 1000",
		SK_DB_ARGS(sk_db_text(person)), &rows);

	if (r < 0)
		return r;
	while ((r = sk_db_next(rows)) == 1)
		if (json_array_append_new(roles, json_pack("{s:s, s:s?}", "role", sk_db_get_text(rows, 0),
							 "facility", sk_db_get_text(rows, 1))) < 0)
			return -ENOMEM;
	if (r == 0)
		*ret_roles = own_take(roles);
	return r;
}

static int read_person(SkDb *db, const char *id, json_t **ret_person)
{
	char created[SK_TIME_SIZE];
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT p.id, p.login, p.name, p.email, p.state, p.last_sign_in, p.created, p.version, "
		"(SELECT COUNT(*) FROM credentials WHERE person_id = p.id AND " SK_SECOND_FACTORS
		") FROM people p WHERE p.id = $1",
		SK_DB_ARGS(sk_db_text(id)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	sk_time_format(created, sk_db_get_int(rows, 6));
	*ret_person = json_pack("{s:s, s:s, s:s, s:s?, s:s, s:o, s:s, s:I, s:b}", "id",
		sk_db_get_text(rows, 0), "login", sk_db_get_text(rows, 1), "name", sk_db_get_text(rows, 2),
		"email", sk_db_get_text(rows, 3), "state", sk_db_get_text(rows, 4), "lastSignIn",
		sk_person_time(rows, 5), "created", created, "version", (json_int_t)sk_db_get_int(rows, 7),
		"secondFactor", sk_db_get_int(rows, 8) != 0);
	return *ret_person ? 0 : -ENOMEM;
}

int sk_person_describe(SkDb *db, const char *id, json_t **ret_person)
{
	json_auto_t *person = NULL, *roles = NULL;
	int r = read_person(db, id, &person);

	if (r == 0)
		r = sk_person_roles(db, id, &roles);
	if (r == 0)
		r = json_object_set(person, "roles", roles) < 0 ? -ENOMEM : 0;
	if (r == 0)
		*ret_person = own_take(person);
	return r;
}

static int ask(SkDb *db, const char *sql, const char *first, const char *second, bool *ret_is)
{
	int64_t count = 0;
	int r = sk_db_query_int(db, sql, SK_DB_ARGS(sk_db_text(first), sk_db_text(second)), &count);

	*ret_is = count > 0;
	return r;
}

int sk_person_visible(SkCall *call, const char *person)
{
	char sql[SQL_MAX], list[SK_ROLE_LIST_SIZE];
	bool is = false;
	int r;

	sk_person_role_list(call->operation->roles, list);
	sk_str_format(sql, sizeof(sql),
		"SELECT COUNT(*) FROM people p WHERE p.id = $1 AND EXISTS (SELECT 1 FROM person_roles c "
		"WHERE "
		"c.person_id = $2 AND c.removed IS NULL AND c.role IN (%s) AND (c.facility_id IS NULL OR "
		"EXISTS "
		"(SELECT 1 FROM person_roles t WHERE t.person_id = p.id AND t.removed IS NULL AND "
		"t.facility_id = c.facility_id)))",
		list);
	r = ask(call->db, sql, person, call->caller.person, &is);
	return r < 0 ? r : is ? 0 : -ENOENT;
}

int sk_person_changeable(SkCall *call, const char *person)
{
	char sql[SQL_MAX], list[SK_ROLE_LIST_SIZE];
	bool beyond = true;
	int r = sk_person_visible(call, person);

	if (r != 0)
		return r;
	if (sk_str_eq(person, call->caller.person))
		return SK_NOT_BY_YOURSELF;
	sk_person_role_list(call->operation->roles, list);
	sk_str_format(sql, sizeof(sql),
		"SELECT COUNT(*) FROM person_roles t WHERE t.person_id = $1 AND t.removed IS NULL AND NOT "
		"EXISTS "
		"(SELECT 1 FROM person_roles c WHERE c.person_id = $2 AND c.removed IS NULL AND c.role IN "
		"(%s) AND "
		"(c.facility_id IS NULL OR c.facility_id = t.facility_id))",
		list);
	r = ask(call->db, sql, person, call->caller.person, &beyond);
	return r < 0 ? r : beyond ? SK_NOT_BY_YOURSELF : 0;
}

int sk_person_holds(SkCall *call, const char *facility)
{
	char sql[SQL_MAX], list[SK_ROLE_LIST_SIZE];
	bool is = false;
	int r;

	if (!facility)
		return call->caller.roles_everywhere & call->operation->roles ? 0 : SK_NOT_BY_YOURSELF;
	sk_person_role_list(call->operation->roles, list);
	sk_str_format(sql, sizeof(sql),
		"SELECT COUNT(*) FROM facilities f WHERE f.id = $1 AND EXISTS (SELECT 1 FROM person_roles c "
		"WHERE "
		"c.person_id = $2 AND c.removed IS NULL AND c.role IN (%s) AND (c.facility_id IS NULL OR "
		"c.facility_id = f.id))",
		list);
	r = ask(call->db, sql, facility, call->caller.person, &is);
	return r < 0 ? r : is ? 0 : -ENOENT;
}

int sk_person_answer(SkCall *call, int r, unsigned status, const char *person)
{
	json_t *described = NULL;

	if (r == 0)
		r = sk_person_describe(call->db, person, &described);
	if (r != 0)
		return r < 0 ? r : 0;
	return sk_call_answer(call, status, described);
}

int sk_person_check_managers(SkDb *db)
{
	int64_t count = 0;
	int r = sk_db_query_int(db,
		"SELECT COUNT(*) FROM person_roles r JOIN people p ON p.id = r.person_id WHERE p.state = "
		"'active' AND "
		"r.removed IS NULL AND r.facility_id IS NULL AND r.role IN ('security-officer', "
		"'administrator')",
		SK_DB_NO_ARGS, &count);

	return r < 0 ? r : count > 0 ? 0 : SK_LAST_OF_ROLE;
}

int sk_person_set_password(SkDb *db, const SkNewPassword *what)
{
	int64_t now = sk_time_now();
	char id[SK_ID_SIZE];
	int r = sk_db_exec(db,
		"UPDATE credentials SET removed = $1, removed_by = $2 WHERE person_id = $3 AND kind = "
		"'password' AND "
		"removed IS NULL",
		SK_DB_ARGS(sk_db_int(now), sk_db_text(what->by), sk_db_text(what->person)), NULL);

	if (r < 0)
		return r;
	sk_id_new(id);
	return sk_db_exec(db,
		"INSERT INTO credentials (id, person_id, kind, secret, algorithm, must_change, expires, "
		"created, "
		"created_by, identity_check) VALUES ($1, $2, 'password', $3, 'argon2id', $4, $5, $6, $7, $8)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(what->person), sk_db_text(what->hash),
			sk_db_int(what->by != NULL), what->by ? sk_db_int(now + GIVEN_MS) : sk_db_null(),
			sk_db_int(now), sk_db_text(what->by), sk_db_text(what->identity_check)),
		NULL);
}
