/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What agents ask of the keys of media: the console's half of opening one, and a medium that was prepared,
 * and one whose key slots were changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "console/rules/key_use.h"
#include "console/rules/preparation.h"
#include "console/server/agent_call.h"
#include "console/server/server.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/reason/reason.h"

/* A member of the body that is base64, of one exact size. Return: 0, or 1 and the call is answered. */
static int read_exact(SkCall *call, const char *name, uint8_t *ret_bytes, size_t wanted)
{
	const char *text = sk_call_body_text(call, name);
	own_free uint8_t *bytes = malloc(strlen(text) + 4);
	size_t size = 0;
	char pointer[64];
	int r;

	if (!bytes)
		return -ENOMEM;
	if (sk_base64_parse(text, strlen(text), bytes, &size) == 0 && size == wanted) {
		memcpy(ret_bytes, bytes, wanted);
		return 0;
	}
	sk_str_format(pointer, sizeof(pointer), "/%s", name);
	r = sk_call_refuse_member(call, SK_REQUEST_INVALID, pointer, "not of the right size");
	return r < 0 ? r : 1;
}

static json_t *reply_json(const SkKeyReply *reply)
{
	char element[SK_BASE64_SIZE(SK_OPRF_ELEMENT_SIZE)], proof[SK_BASE64_SIZE(SK_OPRF_PROOF_SIZE)],
		key[SK_BASE64_SIZE(SK_OPRF_ELEMENT_SIZE)];

	sk_base64_format(reply->answer.element, sizeof(reply->answer.element), element);
	sk_base64_format(reply->answer.proof, sizeof(reply->answer.proof), proof);
	sk_base64_format(reply->public_key, sizeof(reply->public_key), key);
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "grant", reply->grant, "element", element, "proof",
		proof, "key", key, "algorithm", SK_OPRF_ALGORITHM);
}

int sk_api_agent_evaluate(SkCall *call)
{
	SkKeyQuestion question = {.terminal = call->terminal,
		.medium = sk_call_body_text(call, "medium"),
		.user = sk_call_body_text(call, "user"),
		.now = sk_time_now()};
	SkKeyReply reply;
	int r = sk_agent_check(call);

	if (r == 0)
		r = read_exact(call, "blinded", question.blinded, sizeof(question.blinded));
	if (r != 0)
		return r < 0 ? r : 0;
	r = sk_key_use(call->db, call->server->home.vault, &question, &reply);
	if (r > 0)
		return sk_call_refuse(call, (SkReason)r, NULL);
	return r < 0 ? r : sk_call_answer(call, 200, reply_json(&reply));
}

typedef struct Preparing {
	int (*rule)(const SkActor *actor, SkVault *vault, const SkPrepared *prepared);
	SkVault *vault;
	SkPrepared prepared;
} Preparing;

static int run(const SkActor *actor, void *userdata)
{
	const Preparing *preparing = userdata;

	return preparing->rule(actor, preparing->vault, &preparing->prepared);
}

/* Return: the bytes, which the caller frees; NULL: no base64, or no memory. */
static uint8_t *decode(const json_t *object, const char *name, size_t *ret_size)
{
	const char *text = sk_row_text(object, name);
	uint8_t *bytes = malloc(strlen(text) + 4);

	if (bytes && sk_base64_parse(text, strlen(text), bytes, ret_size) < 0) {
		free(bytes);
		return NULL;
	}
	return bytes;
}

/* What both calls have: a medium, the digest of its volume, and its sealed recovery key. */
static int tell(SkCall *call, int (*rule)(const SkActor *actor, SkVault *vault, const SkPrepared *prepared))
{
	Preparing preparing = {.rule = rule,
		.vault = call->server->home.vault,
		.prepared = {.medium = sk_call_body_text(call, "medium"), .facts = call->body}};
	SkPrepared *facts = &preparing.prepared;
	own_free uint8_t *digest = decode(call->body, "volumeDigest", &facts->volume_digest_size);
	own_free uint8_t *escrow = decode(json_object_get(call->body, "escrow"), "box", &facts->escrow_size);
	int r;

	if (!digest || !escrow)
		return sk_call_refuse(call, SK_REQUEST_INVALID, "not base64");
	facts->volume_digest = digest;
	facts->escrow = escrow;
	r = sk_agent_act(call, run, &preparing);
	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}

int sk_api_agent_prepared(SkCall *call)
{
	return tell(call, sk_medium_prepared);
}

int sk_api_agent_escrow(SkCall *call)
{
	return tell(call, sk_medium_resealed);
}
