/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/describe.h"

#include <errno.h>

#include "console/server/person.h"
#include "console/server/session.h"
#include "console/store/time.h"

/* The sign-in before this session's own, and what was refused between the two (ACC-1). */
static int add_before(SkCall *call, json_t *self)
{
	char text[SK_TIME_SIZE] = "";
	int64_t refused = 0, own = 0, before = 0;
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(call->db,
		"SELECT at, address FROM sign_in_attempts WHERE person_id = $1 AND outcome = 'good' AND at "
		"<= $2 "
		"ORDER BY at DESC LIMIT 2",
		SK_DB_ARGS(sk_db_text(call->caller.person), sk_db_int(call->caller.started)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r == 1) {
		own = sk_db_get_int(rows, 0);
		r = sk_db_next(rows);
	}
	if (r < 0)
		return r;
	if (r == 1) {
		before = sk_db_get_int(rows, 0);
		sk_time_format(text, before);
	}
	if (json_object_set_new(self, "lastSignIn", r == 1 ? json_string(text) : json_null()) < 0 ||
		json_object_set_new(self, "lastSignInFrom",
			r == 1 ? json_string(sk_db_get_text(rows, 1)) : json_null()) < 0)
		return -ENOMEM;
	r = sk_db_query_int(call->db,
		"SELECT COUNT(*) FROM sign_in_attempts WHERE person_id = $1 AND outcome = 'refused' AND at > "
		"$2 AND "
		"at <= $3",
		SK_DB_ARGS(sk_db_text(call->caller.person), sk_db_int(before), sk_db_int(own)), &refused);
	if (r == 0 && json_object_set_new(
			      self, "failedSince", json_integer(refused > 1000000 ? 1000000 : refused)) < 0)
		r = -ENOMEM;
	return r;
}

static int make_self(SkCall *call, json_t **ret_self)
{
	json_auto_t *self = json_pack("{s:s, s:s, s:s, s:b}", "id", call->caller.person, "login",
		call->caller.login, "name", call->caller.name, "secondFactor", call->caller.second_factor);
	json_t *roles = NULL;
	int r = self ? sk_person_roles(call->db, call->caller.person, &roles) : -ENOMEM;

	if (r == 0 && json_object_set_new(self, "roles", roles) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = add_before(call, self);
	if (r == 0)
		*ret_self = own_take(self);
	return r;
}

int sk_answer_session(SkCall *call)
{
	char idle[SK_TIME_SIZE], until[SK_TIME_SIZE], fresh[SK_TIME_SIZE];
	json_auto_t *answer = NULL;
	json_t *self = NULL;
	int r;

	sk_time_format(idle, call->caller.idle_until);
	sk_time_format(until, call->caller.until);
	answer = json_pack("{s:s, s:s, s:s, s:s}", "state", sk_session_state_name(call->caller.state), "csrf",
		call->caller.csrf, "idleUntil", idle, "until", until);
	if (!answer)
		return -ENOMEM;
	if (call->caller.fresh_until > 0 && sk_time_format(fresh, call->caller.fresh_until) &&
		json_object_set_new(answer, "freshUntil", json_string(fresh)) < 0)
		return -ENOMEM;
	/* Before the second factor the sender has shown a password only: they learn nothing about the
	 * account. */
	if (call->caller.state != SK_LACKS_SECOND_FACTOR) {
		r = make_self(call, &self);
		if (r < 0)
			return r;
		if (json_object_set_new(answer, "person", self) < 0)
			return -ENOMEM;
	}
	return sk_call_answer(call, 200, own_take(answer));
}
