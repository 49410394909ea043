/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/sign_in.h"

#include <errno.h>
#include <string.h>

#include "console/server/connections.h"
#include "console/server/describe.h"
#include "console/server/person.h"
#include "console/server/server.h"
#include "console/server/session.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/crypt/password.h"

#define REFUSALS_PER_LOCK 5
#define LOCK_FIRST_MS INT64_C(30000)
#define LOCK_LONGEST_MS INT64_C(3600000)
#define LOOK_BACK_MS INT64_C(86400000)
#define ADDRESS_REFUSALS 30
#define ADDRESS_WINDOW_MS INT64_C(600000)

void sk_sign_in_key(const char *login, char *key, size_t size)
{
	sk_str_copy(key, size, login);
	for (char *c = key; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

static int find(SkCall *call, const char *key, SkSignIn *found)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(call->db,
		"SELECT p.id, p.login, p.state, c.secret, c.id, c.must_change, c.expires, "
		"(SELECT COUNT(*) FROM credentials WHERE person_id = p.id AND " SK_SECOND_FACTORS
		") FROM people p LEFT JOIN credentials c ON c.person_id = p.id AND c.kind = 'password' AND "
		"c.removed IS NULL "
		"WHERE p.login_key = $1",
		SK_DB_ARGS(sk_db_text(key)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r;
	sk_str_copy(found->person, sizeof(found->person), sk_db_get_text(rows, 0));
	sk_str_copy(found->login, sizeof(found->login), sk_db_get_text(rows, 1));
	found->active = sk_str_eq(sk_db_get_text(rows, 2), "active");
	/* Who signs in at a provider has no password. */
	if (!sk_db_is_null(rows, 3))
		sk_str_copy(found->hash, sizeof(found->hash), sk_db_get_text(rows, 3));
	found->must_change = sk_db_get_int(rows, 5) != 0;
	found->expires = sk_db_get_int(rows, 6);
	found->second_factor = sk_db_get_int(rows, 7) != 0;
	return 0;
}

/* Refusals of the last day since the last good one: the condition of both queries. */
#define REFUSALS                                                                                             \
	"FROM sign_in_attempts WHERE login_hash = $1 AND outcome = 'refused' AND at > $2 AND at > "          \
	"COALESCE((SELECT MAX(g.at) FROM sign_in_attempts g WHERE g.login_hash = $1 AND g.outcome = "        \
	"'good'), 0)"

/*
 * Until when the login is locked; 0: it is not. Each fifth refusal locks, from its own time on: refusals that
 * came at once with it, and so count beyond five, do not lift the lock.
 */
static int find_lock(SkCall *call, const SkSignIn *sign_in, int64_t *ret_until)
{
	const SkDbValue hash = sk_db_bytes(sign_in->login_hash, sizeof(sign_in->login_hash));
	const SkDbValue since = sk_db_int(sk_time_now() - LOOK_BACK_MS);
	int64_t count, locks, at;
	int r = sk_db_query_int(call->db, "SELECT COUNT(*) " REFUSALS, SK_DB_ARGS(hash, since), &count);

	*ret_until = 0;
	locks = r == 0 ? count / REFUSALS_PER_LOCK : 0;
	if (r < 0 || locks == 0)
		return r;
	r = sk_db_query_int(call->db, "SELECT at " REFUSALS " ORDER BY at, id LIMIT 1 OFFSET $3",
		SK_DB_ARGS(hash, since, sk_db_int(locks * REFUSALS_PER_LOCK - 1)), &at);
	if (r == 0)
		*ret_until = at + (locks > 7 ? LOCK_LONGEST_MS : LOCK_FIRST_MS << (locks - 1));
	return r == -ENOENT ? 0 : r;
}

static int check_locks(SkCall *call, const SkSignIn *sign_in)
{
	int64_t now = sk_time_now(), until, from_address;
	int r = find_lock(call, sign_in, &until);

	if (r < 0)
		return r;
	if (until > now)
		return sk_call_refuse_for(call, SK_TOO_MANY_SIGN_INS, (uint64_t)(until - now));
	/* Somebody else behind the same address may have mistyped: who has a session already is not held up.
	 */
	if (call->caller.session[0])
		return 0;
	r = sk_db_query_int(call->db,
		"SELECT COUNT(*) FROM sign_in_attempts WHERE address = $1 AND at > $2 AND outcome = "
		"'refused'",
		SK_DB_ARGS(sk_db_text(call->address), sk_db_int(now - ADDRESS_WINDOW_MS)), &from_address);
	if (r == 0 && from_address >= ADDRESS_REFUSALS)
		return sk_call_refuse_for(call, SK_TOO_MANY_SIGN_INS, (uint64_t)ADDRESS_WINDOW_MS);
	return r;
}

int sk_sign_in_find(SkCall *call, const char *login, SkSignIn *ret_sign_in)
{
	char key[SK_VALIDATE_DETAIL_SIZE];

	*ret_sign_in = (SkSignIn){0};
	sk_sign_in_key(login, key, sizeof(key));
	sk_sha256(ret_sign_in->login_hash, key, strlen(key));
	return find(call, key, ret_sign_in);
}

int sk_sign_in_find_person(SkCall *call, const char *person, SkSignIn *ret_sign_in)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(
		call->db, "SELECT login FROM people WHERE id = $1", SK_DB_ARGS(sk_db_text(person)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	return sk_sign_in_find(call, sk_db_get_text(rows, 0), ret_sign_in);
}

#define WINDOW_MS INT64_C(60000)

/*
 * Of all processes together: who is sent to another one each time has no more attempts than elsewhere.
 * Return: ms to wait, 0 none, or negative errno.
 */
static int64_t count_everywhere(SkCall *call)
{
	const int64_t most = (int64_t)call->server->settings->limits.sign_ins_per_minute, now = sk_time_now();
	char subject[128];
	int64_t count = 0;
	int r;

	if (sk_db_engine(call->db) == SK_DB_SQLITE) /* which one process serves */
		return 0;
	sk_str_format(subject, sizeof(subject), "sign-in %s", call->address);
	r = sk_db_query_int(call->db,
		"INSERT INTO rate_counters (subject, window_start, count) VALUES ($1, $2, 1) ON CONFLICT "
		"(subject, window_start) DO UPDATE SET count = rate_counters.count + 1 RETURNING count",
		SK_DB_ARGS(sk_db_text(subject), sk_db_int(now - now % WINDOW_MS)), &count);
	return r < 0 ? r : count > most ? WINDOW_MS - now % WINDOW_MS : 0;
}

bool sk_sign_in_admit(SkCall *call)
{
	uint64_t wait = sk_limit_take(
		call->server->sign_ins, call->address, strlen(call->address), (uint64_t)sk_monotonic_ms());
	int64_t everywhere = wait > 0 ? 0 : count_everywhere(call);

	/* A database that fails fails the sign-in too, with words of its own. */
	if (everywhere > 0)
		wait = (uint64_t)everywhere;
	if (wait > 0)
		(void)sk_call_refuse_for(call, SK_TOO_MANY_SIGN_INS, wait);
	return wait == 0;
}

int sk_sign_in_begin(SkCall *call, const char *login, SkSignIn *ret_sign_in)
{
	int r;

	if (!sk_sign_in_admit(call))
		return 0;
	r = sk_sign_in_find(call, login, ret_sign_in);
	return r < 0 ? r : check_locks(call, ret_sign_in);
}

int sk_sign_in_password(const SkSignIn *sign_in, const char *password)
{
	int r = sk_password_verify(sign_in->hash[0] ? sign_in->hash : NULL, password);

	if (r < 0)
		return r;
	if (!sign_in->active || (sign_in->expires > 0 && sign_in->expires < sk_time_now()))
		return -EACCES;
	return 0;
}

int sk_sign_in_record(SkCall *call, const SkSignIn *sign_in, const char *method, bool good)
{
	const char *person = sign_in->person[0] ? sign_in->person : NULL;
	char id[SK_ID_SIZE];
	int r;

	sk_id_new(id);
	r = sk_db_exec(call->db,
		"INSERT INTO sign_in_attempts (id, person_id, login_hash, address, method, outcome, at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7)",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(person),
			sk_db_bytes(sign_in->login_hash, sizeof(sign_in->login_hash)),
			sk_db_text(call->address), sk_db_text(method), sk_db_text(good ? "good" : "refused"),
			sk_db_int(sk_time_now())),
		NULL);
	if (r < 0 || good)
		return r;
	/* Also for nobody, so that the work is the same. */
	return sk_db_exec(call->db, "UPDATE people SET failed_since = failed_since + 1 WHERE id = $1",
		SK_DB_ARGS(sk_db_text(sign_in->person)), NULL);
}

int sk_sign_in_note(SkCall *call, const SkSignIn *sign_in)
{
	int r = sk_sign_in_record(call, sign_in, "session", true);

	if (r < 0)
		return r;
	return sk_db_exec(call->db,
		"UPDATE people SET last_sign_in = $1, last_sign_in_from = $2, failed_since = 0 WHERE id = $3",
		SK_DB_ARGS(sk_db_int(sk_time_now()), sk_db_text(call->address), sk_db_text(sign_in->person)),
		NULL);
}

static SkSessionState state_after(const SkSignIn *sign_in, bool second_given)
{
	if (sign_in->second_factor && !second_given)
		return SK_LACKS_SECOND_FACTOR;
	return sign_in->must_change ? SK_LACKS_PASSWORD : SK_SIGNED_IN;
}

int sk_sign_in_finish(SkCall *call, const SkSignIn *sign_in, bool second_given, const char *method)
{
	const SkSessionBeginning beginning = {
		sign_in->person, state_after(sign_in, second_given), second_given, method};
	int r = 0;

	/* Half a sign-in is none yet: only a whole one ends a row of refusals. */
	if (beginning.state != SK_LACKS_SECOND_FACTOR)
		r = sk_sign_in_note(call, sign_in);
	if (r == 0)
		r = sk_session_begin(call, &beginning);
	return r < 0 ? r : sk_answer_session(call);
}
