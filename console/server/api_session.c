/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signing in and out, and proving again. */
#include <errno.h>
#include <string.h>

#include "api_handlers.h"
#include "console/server/act.h"
#include "console/server/describe.h"
#include "console/server/session.h"
#include "console/server/sign_in.h"
#include "console/server/totp.h"
#include "lib/base/str.h"

/* A wrong one is recorded and refused. Return: 0 it is right (reply.status 0) or it was refused; or an error.
 */
static int check_password(SkCall *call, const SkSignIn *sign_in, const char *password)
{
	int r = sk_sign_in_password(sign_in, password);

	if (r == -EBUSY)
		return sk_call_refuse_for(call, SK_TOO_MANY_SIGN_INS, 5000);
	if (r != -EACCES)
		return r;
	r = sk_sign_in_record(call, sign_in, "password", false);
	return r < 0 ? r : sk_call_refuse(call, SK_SIGN_IN_REFUSED, NULL);
}

static int check_code(SkCall *call, const SkSignIn *sign_in, const char *code, bool pending)
{
	int r = code ? sk_totp_check(call, sign_in->person, code, pending) : -EKEYREJECTED;

	if (r == -ENOENT)
		return sk_call_refuse(call, SK_SECOND_FACTOR_NOT_BEGUN, NULL);
	if (r != -EKEYREJECTED)
		return r;
	r = sk_sign_in_record(call, sign_in, "totp", false);
	return r < 0 ? r : sk_call_refuse(call, SK_SECOND_FACTOR_REFUSED, NULL);
}

int sk_api_session_open(SkCall *call)
{
	SkSignIn sign_in;
	int r;

	if (!call->db)
		return -ENOTCONN;
	r = sk_sign_in_begin(call, sk_call_body_text(call, "login"), &sign_in);
	if (r == 0 && call->reply.status == 0)
		r = check_password(call, &sign_in, sk_call_body_text(call, "password"));
	if (r < 0 || call->reply.status != 0)
		return r;
	return sk_sign_in_finish(call, &sign_in, false, "password");
}

int sk_api_session_show(SkCall *call)
{
	return sk_answer_session(call);
}

int sk_api_session_close(SkCall *call)
{
	int r = sk_session_end(call);

	return r < 0 ? r : sk_call_done(call);
}

int sk_api_session_confirm(SkCall *call)
{
	SkSignIn sign_in;
	int r;

	if (call->caller.state != SK_LACKS_SECOND_FACTOR)
		return sk_call_refuse(call, SK_SECOND_FACTOR_NOT_BEGUN, NULL);
	r = sk_sign_in_begin(call, call->caller.login, &sign_in);
	if (r == 0 && call->reply.status == 0)
		r = check_code(call, &sign_in, sk_call_body_text(call, "code"), false);
	if (r < 0 || call->reply.status != 0)
		return r;
	return sk_sign_in_finish(call, &sign_in, true, "password+totp");
}

int sk_api_session_prove(SkCall *call)
{
	SkSignIn sign_in;
	int r = sk_sign_in_begin(call, call->caller.login, &sign_in);

	if (r == 0 && call->reply.status == 0)
		r = check_password(call, &sign_in, sk_call_body_text(call, "password"));
	if (r == 0 && call->reply.status == 0 && sign_in.second_factor)
		r = check_code(call, &sign_in, sk_call_body_text(call, "code"), false);
	if (r < 0 || call->reply.status != 0)
		return r;
	r = sk_session_prove(call);
	return r < 0 ? r : sk_answer_session(call);
}

int sk_api_totp_begin(SkCall *call)
{
	own_free char *secret = NULL, *uri = NULL;
	int r = sk_totp_begin(call, &secret, &uri);

	return r < 0 ? r : sk_call_answer(call, 200, json_pack("{s:s, s:s}", "secret", secret, "uri", uri));
}

static int confirm(const SkActor *actor, void *userdata)
{
	int r = sk_totp_confirm(actor->db, actor->person);

	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){.kind = "totp.confirmed",
						      .subject_kind = "person",
						      .subject = actor->person,
						      .body = json_object()});
}

int sk_api_totp_confirm(SkCall *call)
{
	SkSignIn sign_in;
	int r = sk_sign_in_begin(call, call->caller.login, &sign_in);

	if (r == 0 && call->reply.status == 0)
		r = check_code(call, &sign_in, sk_call_body_text(call, "code"), true);
	if (r < 0 || call->reply.status != 0)
		return r;
	r = sk_call_act(call, confirm, NULL);
	if (r != 0)
		return r < 0 ? r : 0;
	call->caller.second_factor = true;
	return sk_answer_session(call);
}
