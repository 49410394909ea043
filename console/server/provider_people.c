/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/provider_people.h"

#include <errno.h>
#include <string.h>

#include "console/api/format.h"
#include "console/api/validate.h"
#include "console/server/sign_in.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

static int find_person(const SkActor *actor, const SkProviderPerson *who, char ret_person[SK_ID_SIZE])
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT person_id FROM provider_people WHERE issuer = $1 AND subject = $2",
		SK_DB_ARGS(sk_db_text(who->issuer), sk_db_text(who->subject)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	sk_str_copy(ret_person, SK_ID_SIZE, sk_db_get_text(rows, 0));
	return 0;
}

static int note(const SkActor *actor, const char *kind, const char *person, json_t *body)
{
	return sk_actor_record(
		actor, &(SkFact){.kind = kind, .subject_kind = "person", .subject = person, .body = body});
}

static int link_person(const SkActor *actor, const SkProviderPerson *who, const char *person)
{
	int r = sk_db_exec(actor->db,
		"INSERT INTO provider_people (issuer, subject, person_id, created) VALUES ($1, $2, $3, $4)",
		SK_DB_ARGS(sk_db_text(who->issuer), sk_db_text(who->subject), sk_db_text(person),
			sk_db_int(actor->now)),
		NULL);

	return r < 0 ? r
		     : note(actor, "person.linked", person,
			       json_pack("{s:s, s:s}", "issuer", who->issuer, "subject", who->subject));
}

/* What its groups mean here: rows of role and facility. */
static int read_meaning(const SkActor *actor, const SkProviderPerson *who, json_t *meaning)
{
	int r = 0;

	for (size_t i = 0; i < json_array_size(who->groups) && r == 0; i++) {
		own_rows SkDbRows *rows = NULL;

		r = sk_db_query(actor->db,
			"SELECT role, facility_id FROM provider_groups WHERE issuer = $1 AND group_name = $2",
			SK_DB_ARGS(sk_db_text(who->issuer),
				sk_db_text(json_string_value(json_array_get(who->groups, i)))),
			&rows);
		while (r == 0 && (r = sk_db_next(rows)) == 1) {
			char key[64];

			sk_str_format(key, sizeof(key), "%s %s", sk_db_get_text(rows, 0),
				sk_db_is_null(rows, 1) ? "" : sk_db_get_text(rows, 1));
			r = json_object_set_new(meaning, key, json_null()) < 0 ? -ENOMEM : 0;
		}
	}
	return r;
}

/* ---- a new account ---- */

static bool login_is_free(const SkActor *actor, const char *login)
{
	char key[SK_VALIDATE_DETAIL_SIZE];
	int64_t count = 1;

	sk_sign_in_key(login, key, sizeof(key));
	return sk_db_query_int(actor->db, "SELECT COUNT(*) FROM people WHERE login_key = $1",
		       SK_DB_ARGS(sk_db_text(key)), &count) == 0 &&
	       count == 0;
}

/* As the contract wants it: the provider's suggestion when it is one and nobody ever had it. */
static void choose_login(
	const SkActor *actor, const SkProviderPerson *who, const char *id, char ret_login[65])
{
	size_t size = who->login ? strlen(who->login) : 0;

	if (size >= 2 && size <= 64 && sk_format_check(SK_API_LOGIN, who->login, size) &&
		login_is_free(actor, who->login))
		sk_str_copy(ret_login, 65, who->login);
	else
		sk_str_format(ret_login, 65, "p.%s", id + SK_ID_SIZE - 1 - 16);
}

static int make_person(const SkActor *actor, const SkProviderPerson *who, char ret_person[SK_ID_SIZE])
{
	char login[65], key[65], name[200];
	int r;

	sk_id_new(ret_person);
	choose_login(actor, who, ret_person, login);
	sk_sign_in_key(login, key, sizeof(key));
	sk_utf8_escape(name, sizeof(name), who->name ? who->name : login,
		strnlen(who->name ? who->name : login, sizeof(name) - 1));
	r = sk_db_exec(actor->db,
		"INSERT INTO people (id, login, login_key, name, created) VALUES ($1, $2, $3, $4, $5)",
		SK_DB_ARGS(sk_db_text(ret_person), sk_db_text(login), sk_db_text(key),
			sk_db_text(*name ? name : login), sk_db_int(actor->now)),
		NULL);
	if (r == 0)
		r = note(actor, "person.created", ret_person,
			json_pack("{s:s, s:s}", "login", login, "identityCheck", who->issuer));
	return r < 0 ? r : link_person(actor, who, ret_person);
}

/* ---- roles ---- */

static int give(const SkActor *actor, const char *person, const char *role, const char *facility)
{
	char id[SK_ID_SIZE];
	int r;

	sk_id_new(id);
	r = sk_db_exec(actor->db,
		"INSERT INTO person_roles (id, person_id, role, facility_id, source, granted) VALUES ($1, "
		"$2, "
		"$3, $4, 'provider', $5)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(person), sk_db_text(role), sk_db_text(facility),
			sk_db_int(actor->now)),
		NULL);
	return r < 0 ? r
		     : note(actor, "role.granted", person,
			       json_pack("{s:s, s:s?, s:s}", "role", role, "facility", facility, "source",
				       "provider"));
}

static int take_away(const SkActor *actor, const char *person, const char *id, const char *key)
{
	int r = sk_db_exec(actor->db, "UPDATE person_roles SET removed = $1 WHERE id = $2",
		SK_DB_ARGS(sk_db_int(actor->now), sk_db_text(id)), NULL);

	return r < 0 ? r
		     : note(actor, "role.revoked", person,
			       json_pack("{s:s, s:s}", "role", key, "source", "provider"));
}

/* Roles that are there and should be leave meaning; the others are in gone, id -> role. */
static int compare(const SkActor *actor, const char *person, json_t *meaning, json_t *gone)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(actor->db,
		"SELECT id, role, facility_id FROM person_roles WHERE person_id = $1 AND source = 'provider' "
		"AND removed IS NULL",
		SK_DB_ARGS(sk_db_text(person)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		char key[64];

		sk_str_format(key, sizeof(key), "%s %s", sk_db_get_text(rows, 1),
			sk_db_is_null(rows, 2) ? "" : sk_db_get_text(rows, 2));
		r = 0;
		if (json_object_del(meaning, key) < 0 &&
			json_object_set_new(gone, sk_db_get_text(rows, 0), json_string(key)) < 0)
			r = -ENOMEM;
	}
	return r;
}

static int follow_groups(const SkActor *actor, const char *person, json_t *meaning)
{
	json_auto_t *gone = json_object();
	const char *key;
	json_t *value;
	int r = compare(actor, person, meaning, gone);

	json_object_foreach (gone, key, value)
		if (r == 0)
			r = take_away(actor, person, key, json_string_value(value));
	json_object_foreach (meaning, key, value) {
		const char *blank = strchr(key, ' ');
		char role[32];

		sk_str_format(role, sizeof(role), "%.*s", (int)(blank - key), key);
		if (r == 0)
			r = give(actor, person, role, blank[1] ? blank + 1 : NULL);
	}
	return r;
}

/* ---- the whole ---- */

/* The own account of who is signed in already. */
static int join(const SkActor *actor, const SkProviderPerson *who, int found, char person[SK_ID_SIZE])
{
	if (found == 0)
		return sk_str_eq(person, actor->person) ? 0 : SK_PROVIDER_LINKED;
	sk_str_copy(person, SK_ID_SIZE, actor->person);
	return link_person(actor, who, person);
}

static int is_active(const SkActor *actor, const char *person)
{
	int64_t count = 0;
	int r = sk_db_query_int(actor->db, "SELECT COUNT(*) FROM people WHERE id = $1 AND state = 'active'",
		SK_DB_ARGS(sk_db_text(person)), &count);

	return r < 0 ? r : count == 1 ? 0 : SK_PROVIDER_NO_ACCOUNT;
}

int sk_provider_enter(const SkActor *actor, const SkProviderPerson *who, char ret_person[SK_ID_SIZE])
{
	json_auto_t *meaning = json_object();
	int r = meaning ? read_meaning(actor, who, meaning) : -ENOMEM, found;

	if (r < 0)
		return r;
	found = find_person(actor, who, ret_person);
	if (found < 0 && found != -ENOENT)
		return found;
	if (who->link)
		r = join(actor, who, found, ret_person);
	else if (found == -ENOENT)
		r = who->make && json_object_size(meaning) > 0 ? make_person(actor, who, ret_person)
							       : SK_PROVIDER_NO_ACCOUNT;
	if (r == 0)
		r = is_active(actor, ret_person);
	return r != 0 ? r : follow_groups(actor, ret_person, meaning);
}
