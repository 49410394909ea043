/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "api_handlers.h"
#include "console/server/act.h"
#include "console/server/describe.h"
#include "console/server/password_rules.h"
#include "console/server/person.h"
#include "console/server/session.h"
#include "console/server/sign_in.h"
#include "lib/base/str.h"
#include "lib/crypt/password.h"

/* So many passwords of before are not taken again. */
#define OLD_ONES 3

/* Return: 0, -EEXIST one of the last ones, others. */
static int check_old(SkCall *call, const char *password)
{
	own_rows SkDbRows *rows = NULL;
	int found = 0;
	int r = sk_db_query(call->db,
		"SELECT secret FROM credentials WHERE person_id = $1 AND kind = 'password' ORDER BY id DESC "
		"LIMIT 3",
		SK_DB_ARGS(sk_db_text(call->caller.person)), &rows);

	while (r == 0 && found < OLD_ONES && (r = sk_db_next(rows)) == 1) {
		r = sk_password_verify(sk_db_get_text(rows, 0), password);
		if (r == 0)
			return -EEXIST;
		r = r == -EACCES || r == -EBADMSG ? 0 : r;
		found++;
	}
	return r;
}

static int change(const SkActor *actor, void *userdata)
{
	const SkNewPassword *password = userdata;
	int r = sk_person_set_password(actor->db, password);

	if (r == 0)
		r = sk_session_end_all(actor->db, password->person, "", "password changed");
	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){.kind = "password.changed",
						      .subject_kind = "person",
						      .subject = password->person,
						      .body = json_object()});
}

static int check_new(SkCall *call, const char *password)
{
	const char *fault = sk_password_fault(password, call->caller.login, call->caller.second_factor);
	int r;

	if (fault)
		return sk_call_refuse_member(call, SK_PASSWORD_WEAK, "/new", fault);
	r = check_old(call, password);
	return r == -EEXIST ? sk_call_refuse_member(call, SK_PASSWORD_WEAK, "/new", "was used before") : r;
}

int sk_api_password_change(SkCall *call)
{
	char hash[SK_PASSWORD_HASH_SIZE], person[SK_ID_SIZE];
	const char *new = sk_call_body_text(call, "new");
	SkNewPassword password = {.person = person, .hash = hash};
	SkSignIn sign_in;
	int r;

	sk_str_copy(person, sizeof(person), call->caller.person);
	if (call->caller.state == SK_LACKS_SECOND_FACTOR)
		return sk_call_refuse(call, SK_SECOND_FACTOR_MISSING, NULL);
	r = sk_sign_in_begin(call, call->caller.login, &sign_in);
	if (r < 0 || call->reply.status != 0)
		return r;
	r = sk_sign_in_password(&sign_in, sk_call_body_text(call, "current"));
	if (r == -EACCES) {
		r = sk_sign_in_record(call, &sign_in, "password", false);
		return r < 0 ? r : sk_call_refuse(call, SK_SIGN_IN_REFUSED, NULL);
	}
	if (r == 0)
		r = check_new(call, new);
	if (r < 0 || call->reply.status != 0)
		return r == -EBUSY ? sk_call_refuse_for(call, SK_TOO_MANY_SIGN_INS, 5000) : r;
	r = sk_password_hash(new, hash);
	if (r == 0)
		r = sk_call_act(call, change, &password);
	if (r == 0)
		r = sk_session_begin(call,
			&(SkSessionBeginning){person, SK_SIGNED_IN, call->caller.second_factor, "password"});
	return r < 0 ? r : sk_answer_session(call);
}
