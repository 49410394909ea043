/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passkeys: what the browser is asked for, and what it answers. The forms are those of WebAuthn. */
#include <errno.h>
#include <string.h>

#include "api_handlers.h"
#include "console/server/act.h"
#include "console/server/describe.h"
#include "console/server/passkey.h"
#include "console/server/server.h"
#include "console/server/session.h"
#include "console/server/sign_in.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define SK_PASSKEY_TIMEOUT_MS 120000

static int refuse(SkCall *call, int error)
{
	switch (error) {
	case -EBADMSG:
		return sk_call_refuse(call, SK_PASSKEY_REFUSED, NULL);
	case -ENOENT:
		return sk_call_refuse(call, SK_CEREMONY_OVER, NULL);
	default:
		return error < 0 ? error : 0;
	}
}

int sk_api_passkey_list(SkCall *call)
{
	json_t *items = NULL;
	int r = sk_passkey_list(call->db, call->caller.person, &items);

	return r < 0 ? r : sk_call_answer(call, 200, json_pack("{s:o}", "items", items));
}

/* ---- a new one ---- */

/* The authenticator that has one already makes no second. */
static int list_handles(SkCall *call, json_t **ret_handles)
{
	json_auto_t *handles = json_array();
	own_rows SkDbRows *rows = NULL;
	char text[SK_BASE64_SIZE(SK_PASSKEY_HANDLE_MAX)];
	int r = sk_db_query(call->db,
		"SELECT handle FROM credentials WHERE person_id = $1 AND kind = 'passkey' AND removed IS "
		"NULL "
		"ORDER BY id LIMIT 100",
		SK_DB_ARGS(sk_db_text(call->caller.person)), &rows);

	while (r == 0 && (r = sk_db_next(rows)) == 1) {
		size_t size;
		const void *handle = sk_db_get_bytes(rows, 0, &size);

		sk_base64url_format(handle, size <= SK_PASSKEY_HANDLE_MAX ? size : 0, text);
		r = json_array_append_new(
			    handles, json_pack("{s:s, s:s}", "type", "public-key", "id", text)) < 0
			    ? -ENOMEM
			    : 0;
	}
	if (r == 0)
		*ret_handles = own_take(handles);
	return r;
}

int sk_api_passkey_begin(SkCall *call)
{
	const SkCaller *caller = &call->caller;
	char challenge[SK_PASSKEY_CHALLENGE_TEXT], user[SK_BASE64_SIZE(SK_ID_SIZE)];
	json_t *handles = NULL;
	int r = list_handles(call, &handles);

	if (r == 0)
		r = sk_passkey_challenge(call, caller->person, challenge);
	if (r < 0) {
		json_decref(handles);
		return r;
	}
	sk_base64url_format(caller->person, SK_ID_SIZE - 1, user);
	return sk_call_answer(call, 200,
		json_pack(
			"{s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s}, s:[{s:s, s:i}, {s:s, s:i}, {s:s, s:i}], s:i, "
			"s:o, s:{s:s, s:b, s:s}, s:s}",
			"challenge", challenge, "rp", "id", call->server->host, "name", "Sekisho", "user",
			"id", user, "name", caller->login, "displayName", caller->name, "pubKeyCredParams",
			"type", "public-key", "alg", -7, "type", "public-key", "alg", -8, "type",
			"public-key", "alg", -257, "timeout", SK_PASSKEY_TIMEOUT_MS, "excludeCredentials",
			handles, "authenticatorSelection", "residentKey", "required", "requireResidentKey", 1,
			"userVerification", "required", "attestation", "none"));
}

int sk_api_passkey_register(SkCall *call)
{
	char id[SK_ID_SIZE];
	json_t *passkey = NULL;
	int r = sk_passkey_register(call, id);

	if (r != 0)
		return refuse(call, r);
	call->caller.second_factor = true;
	r = sk_passkey_describe(call->db, id, &passkey);
	return r < 0 ? r : sk_call_answer(call, 201, passkey);
}

static int take_away(const SkActor *actor, void *userdata)
{
	return sk_passkey_remove(actor, userdata);
}

int sk_api_passkey_remove(SkCall *call)
{
	int r = sk_call_act(call, take_away, (void *)sk_call_text(call, "passkey"));

	return r != 0 ? (r < 0 ? r : 0) : sk_call_done(call);
}

/* ---- signing in ---- */

int sk_api_passkey_challenge(SkCall *call)
{
	char challenge[SK_PASSKEY_CHALLENGE_TEXT];
	int r;

	if (!call->db)
		return -ENOTCONN;
	if (!sk_sign_in_admit(call))
		return 0;
	r = sk_passkey_challenge(call, NULL, challenge);
	return r < 0 ? r
		     : sk_call_answer(call, 200,
			       json_pack("{s:s, s:s, s:i, s:s, s:[]}", "challenge", challenge, "rpId",
				       call->server->host, "timeout", SK_PASSKEY_TIMEOUT_MS,
				       "userVerification", "required", "allowCredentials"));
}

/* Who signed, put on record. Return: 0 (refused already when call->reply.status is not 0), or an error. */
static int prove(SkCall *call, const char *person, SkSignIn *ret_sign_in)
{
	SkPasskeyOwner owner;
	int r = call->db ? sk_passkey_prove(call, person, &owner) : -ENOTCONN, recorded;

	if (r == 0)
		return sk_sign_in_find(call, owner.login, ret_sign_in);
	if (r != -EBADMSG)
		return refuse(call, r);
	/* The name is not locked by it: nobody guesses a signature. */
	*ret_sign_in = (SkSignIn){.active = false};
	sk_str_copy(ret_sign_in->person, sizeof(ret_sign_in->person), owner.person);
	sk_sha256(ret_sign_in->login_hash, owner.credential, strlen(owner.credential));
	recorded = sk_sign_in_record(call, ret_sign_in, "passkey", false);
	return recorded < 0 ? recorded : refuse(call, r);
}

/* The authenticator has recognised the person, and the person has it: two factors in one. */
int sk_api_passkey_open(SkCall *call)
{
	SkSignIn sign_in;
	int r = prove(call, NULL, &sign_in);

	return r < 0 || call->reply.status != 0 ? r : sk_sign_in_finish(call, &sign_in, true, "passkey");
}

int sk_api_passkey_confirm(SkCall *call)
{
	SkSignIn sign_in;
	int r;

	if (call->caller.state != SK_LACKS_SECOND_FACTOR)
		return sk_call_refuse(call, SK_SECOND_FACTOR_NOT_BEGUN, NULL);
	r = prove(call, call->caller.person, &sign_in);
	return r < 0 || call->reply.status != 0 ? r
						: sk_sign_in_finish(call, &sign_in, true, "password+passkey");
}

int sk_api_passkey_prove(SkCall *call)
{
	SkSignIn sign_in;
	int r = prove(call, call->caller.person, &sign_in);

	if (r < 0 || call->reply.status != 0)
		return r;
	r = sk_session_prove(call);
	return r < 0 ? r : sk_answer_session(call);
}
