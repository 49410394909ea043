/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "console/server/person.h"
#include "console/server/server.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/secret.h"

#define TOKEN_SIZE 32
#define TOKEN_TEXT (2 * TOKEN_SIZE)

/* How often the time of the last request is written: each writing costs the database more than the reading.
 */
#define TOUCH_MS 30000

/* The database has only the digest of what the browser shows. Return: 0 or -EINVAL. */
static int digest_of(const char *token, uint8_t ret_digest[SK_SHA256_SIZE])
{
	uint8_t bytes[TOKEN_SIZE];

	if (strlen(token) != TOKEN_TEXT || sk_hex_parse(bytes, sizeof(bytes), token) < 0)
		return -EINVAL;
	sk_sha256(ret_digest, bytes, sizeof(bytes));
	sk_secret_wipe(bytes, sizeof(bytes));
	return 0;
}

static int64_t at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* One of the roles that the operation wants, here. */
static int widen(SkCall *call, const char *facility)
{
	SkScope *scope = &call->caller.scope;
	const char **longer;
	char *copy;

	if (!facility) {
		scope->all = true;
		return 0;
	}
	for (size_t i = 0; i < scope->n_facilities; i++)
		if (sk_str_eq(scope->facilities[i], facility))
			return 0;
	longer = realloc((void *)scope->facilities, (scope->n_facilities + 1) * sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	scope->facilities = longer;
	copy = strdup(facility);
	if (!copy)
		return -ENOMEM;
	longer[scope->n_facilities++] = copy;
	return 0;
}

static int load_roles(SkCall *call)
{
	uint32_t wanted = call->operation->roles ? call->operation->roles : UINT32_MAX;
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(call->db,
		"SELECT role, facility_id FROM person_roles WHERE person_id = $1 AND removed IS NULL",
		SK_DB_ARGS(sk_db_text(call->caller.person)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		uint32_t bit = sk_api_role_bit(sk_db_get_text(rows, 0));
		const char *facility = sk_db_is_null(rows, 1) ? NULL : sk_db_get_text(rows, 1);

		call->caller.roles |= bit;
		if (!facility)
			call->caller.roles_everywhere |= bit;
		r = bit & wanted ? widen(call, facility) : 0;
	}
	return r;
}

#define SELECT_SESSION                                                                                       \
	"SELECT s.id, s.person_id, s.csrf, s.state, s.last_used, s.idle_until, s.valid_until, "              \
	"s.fresh_until, p.login, p.name, s.created, (SELECT COUNT(*) FROM credentials WHERE person_id = "    \
	"p.id AND " SK_SECOND_FACTORS ") FROM sessions s JOIN people p ON p.id = s.person_id "               \
	"WHERE s.token_hash = $1 AND s.ended IS NULL AND p.state = 'active'"

static int take_row(SkCall *call, const SkDbRows *rows, int64_t *ret_used)
{
	SkCaller *caller = &call->caller;
	const char *state = sk_db_get_text(rows, 3);
	int64_t now = sk_time_now(), used = sk_db_get_int(rows, 4);

	/* Also a session that was used in the future is none: the clock was put back. */
	if (sk_db_get_int(rows, 5) <= now || sk_db_get_int(rows, 6) <= now || used > now + TOUCH_MS)
		return 0;
	caller->login = strdup(sk_db_get_text(rows, 8));
	caller->name = strdup(sk_db_get_text(rows, 9));
	if (!caller->login || !caller->name)
		return -ENOMEM;
	sk_str_copy(caller->person, sizeof(caller->person), sk_db_get_text(rows, 1));
	sk_str_copy(caller->csrf, sizeof(caller->csrf), sk_db_get_text(rows, 2));
	caller->state = sk_str_eq(state, "signed-in")	    ? SK_SIGNED_IN
			: sk_str_eq(state, "second-factor") ? SK_LACKS_SECOND_FACTOR
							    : SK_LACKS_PASSWORD;
	caller->idle_until = sk_db_get_int(rows, 5);
	caller->until = sk_db_get_int(rows, 6);
	caller->fresh_until = sk_db_get_int(rows, 7);
	caller->started = sk_db_get_int(rows, 10);
	caller->second_factor = sk_db_get_int(rows, 11) != 0;
	sk_str_copy(caller->session, sizeof(caller->session), sk_db_get_text(rows, 0));
	*ret_used = used;
	return 0;
}

static int touch(SkCall *call, int64_t used)
{
	int64_t now = sk_time_now();

	if (now - used < TOUCH_MS)
		return 0;
	call->caller.idle_until =
		at_most(call->caller.until, now + (int64_t)call->server->settings->session.idle_sec * 1000);
	return sk_db_exec(call->db, "UPDATE sessions SET last_used = $1, idle_until = $2 WHERE id = $3",
		SK_DB_ARGS(
			sk_db_int(now), sk_db_int(call->caller.idle_until), sk_db_text(call->caller.session)),
		NULL);
}

static int find_session(SkCall *call, const uint8_t digest[SK_SHA256_SIZE], int64_t *ret_used)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(call->db, SELECT_SESSION, SK_DB_ARGS(sk_db_bytes(digest, SK_SHA256_SIZE)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	return r == 1 ? take_row(call, rows, ret_used) : r;
}

int sk_session_load(SkCall *call, const char *token)
{
	uint8_t digest[SK_SHA256_SIZE];
	int64_t used = 0;
	int r;

	if (digest_of(token, digest) < 0)
		return 0;
	r = find_session(call, digest, &used);
	if (r < 0 || !call->caller.session[0])
		return r;
	r = touch(call, used);
	return r < 0 ? r : load_roles(call);
}

int sk_session_end_row(SkDb *db, const char *session, const char *why)
{
	return sk_db_exec(db,
		"UPDATE sessions SET ended = $1, end_reason = $2 WHERE id = $3 AND ended IS NULL",
		SK_DB_ARGS(sk_db_int(sk_time_now()), sk_db_text(why), sk_db_text(session)), NULL);
}

int sk_session_end_all(SkDb *db, const char *person, const char *but, const char *why)
{
	return sk_db_exec(db,
		"UPDATE sessions SET ended = $1, end_reason = $2 WHERE person_id = $3 AND ended IS NULL AND "
		"id <> $4",
		SK_DB_ARGS(sk_db_int(sk_time_now()), sk_db_text(why), sk_db_text(person), sk_db_text(but)),
		NULL);
}

typedef struct Beginning {
	SkCall *call;
	const SkSessionBeginning *what;
	char id[SK_ID_SIZE];
	uint8_t digest[SK_SHA256_SIZE];
	char csrf[48];
} Beginning;

static const char *const state_names[] = {
	[SK_SIGNED_IN] = "signed-in",
	[SK_LACKS_SECOND_FACTOR] = "second-factor",
	[SK_LACKS_PASSWORD] = "password-change",
};

const char *sk_session_state_name(SkSessionState state)
{
	return state_names[state];
}

static int record(SkDb *db, const Beginning *b)
{
	SkActor actor = sk_call_actor(b->call, db);

	actor.person = b->what->person;
	return sk_actor_record(&actor,
		&(SkFact){.kind = "session.opened",
			.subject_kind = "person",
			.subject = b->what->person,
			.body = json_pack("{s:s, s:s, s:b, s:s}", "session", b->id, "from", b->call->address,
				"secondFactor", b->what->second_factor, "method", b->what->method)});
}

static int insert(SkDb *db, void *userdata)
{
	const Beginning *b = userdata;
	const SkServerSettings *settings = b->call->server->settings;
	int64_t now = sk_time_now(), until = now + (int64_t)settings->session.longest_sec * 1000;
	int64_t idle = at_most(until, now + (int64_t)settings->session.idle_sec * 1000);
	/* Half a session proves nothing yet. */
	int64_t fresh =
		b->what->state == SK_SIGNED_IN ? now + (int64_t)settings->session.fresh_sec * 1000 : 0;
	int r = sk_session_end_row(db, b->call->caller.session, "replaced");

	if (r == 0 && b->what->state == SK_SIGNED_IN)
		r = record(db, b);
	if (r < 0)
		return r;
	return sk_db_exec(db,
		"INSERT INTO sessions (id, token_hash, csrf, person_id, state, method, second_factor, "
		"created, "
		"last_used, idle_until, valid_until, fresh_until, address, program) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13)",
		SK_DB_ARGS(sk_db_text(b->id), sk_db_bytes(b->digest, sizeof(b->digest)), sk_db_text(b->csrf),
			sk_db_text(b->what->person), sk_db_text(state_names[b->what->state]),
			sk_db_text(b->what->method), sk_db_int(b->what->second_factor), sk_db_int(now),
			sk_db_int(idle), sk_db_int(until), sk_db_int(fresh), sk_db_text(b->call->address),
			sk_db_text(b->call->user_agent)),
		NULL);
}

static int set_cookie(SkCall *call, const char *token, uint64_t seconds)
{
	free(call->reply.cookie);
	if (asprintf(&call->reply.cookie,
		    SK_SESSION_COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%llu", token,
		    (unsigned long long)seconds) < 0) {
		call->reply.cookie = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* The call goes on as the new session. */
static int become(SkCall *call, const char *token)
{
	sk_caller_deinit(&call->caller);
	return sk_session_load(call, token);
}

int sk_session_begin(SkCall *call, const SkSessionBeginning *what)
{
	uint8_t token[TOKEN_SIZE], csrf[18];
	char token_text[TOKEN_TEXT + 1];
	Beginning beginning = {.call = call, .what = what};
	int r;

	sk_random_fill(token, sizeof(token));
	sk_random_fill(csrf, sizeof(csrf));
	sk_hex_format(token_text, token, sizeof(token));
	sk_hex_format(beginning.csrf, csrf, sizeof(csrf));
	sk_sha256(beginning.digest, token, sizeof(token));
	sk_id_new(beginning.id);
	r = sk_db_transact(call->db, insert, &beginning);
	if (r == 0)
		r = set_cookie(call, token_text, call->server->settings->session.longest_sec);
	if (r == 0)
		r = become(call, token_text);
	sk_secret_wipe(token, sizeof(token));
	sk_secret_wipe(token_text, sizeof(token_text));
	return r;
}

int sk_session_prove(SkCall *call)
{
	call->caller.fresh_until = at_most(call->caller.until,
		sk_time_now() + (int64_t)call->server->settings->session.fresh_sec * 1000);
	return sk_db_exec(call->db, "UPDATE sessions SET fresh_until = $1 WHERE id = $2",
		SK_DB_ARGS(sk_db_int(call->caller.fresh_until), sk_db_text(call->caller.session)), NULL);
}

int sk_session_end(SkCall *call)
{
	int r = sk_session_end_row(call->db, call->caller.session, "signed out");

	return r < 0 ? r : set_cookie(call, "", 0);
}
