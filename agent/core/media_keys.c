/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/media_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/core.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

typedef struct Asking {
	Core *core;
	KeyDone done;
	void *userdata;
	char medium[32], mode[16];
	KeyAnswer answer;
} Asking;

static void finish(Asking *asking, SkReason code)
{
	Core *core = asking->core;

	record_write(core, &(Record){.kind = "key.asked",
				   .code = code,
				   .body = json_pack("{s:o, s:s, s:s}", "medium", record_text(asking->medium),
					   "mode", asking->mode, "grant", asking->answer.grant)});
	asking->done(core, asking->userdata, code, code == SK_REASON_NONE ? &asking->answer : NULL);
	free(asking);
}

/* Bytes of one exact size. */
static bool read_bytes(const json_t *object, const char *name, uint8_t *ret_bytes, size_t wanted)
{
	const char *text = json_string_value(json_object_get(object, name));
	uint8_t bytes[SK_BASE64_SIZE(SK_OPRF_PROOF_SIZE)];
	size_t size = 0;

	if (!text || strlen(text) != SK_BASE64_SIZE(wanted) - 1 ||
		sk_base64_parse(text, strlen(text), bytes, &size) < 0 || size != wanted)
		return false;
	memcpy(ret_bytes, bytes, wanted);
	return true;
}

static void on_answered(void *userdata, int result, unsigned status, const char *json)
{
	json_auto_t *object = result == 0 ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
	Asking *asking = userdata;
	SkOprfAnswer *answer = &asking->answer.answer;

	if (result == 0 && status < 500 && status != 200)
		finish(asking, uplink_code_of(object));
	else if (result == 0 && status == 200 &&
		 read_bytes(object, "element", answer->element, sizeof(answer->element)) &&
		 read_bytes(object, "proof", answer->proof, sizeof(answer->proof)))
		finish(asking, SK_REASON_NONE);
	else
		finish(asking, SK_CONSOLE_NEEDED);
}

static int call_console(const KeyAsk *ask, Asking *asking)
{
	char blinded[SK_BASE64_SIZE(SK_OPRF_ELEMENT_SIZE)];
	json_auto_t *body = NULL;

	sk_base64_format(ask->blinded, sizeof(ask->blinded), blinded);
	body = json_pack(
		"{s:s, s:s, s:s}", "medium", ask->grant.medium, "user", ask->grant.user, "blinded", blinded);
	if (!body)
		return -ENOMEM;
	return uplink_call(asking->core, &(UplinkRequest){.operation = "key.evaluate",
						 .body = body,
						 .flag = SK_UPLINK_CALL_NOW,
						 .done = on_answered,
						 .userdata = asking});
}

void media_key_ask(Core *core, const KeyAsk *ask)
{
	Asking *asking = calloc(1, sizeof(*asking));
	const json_t *grant = NULL;
	SkReason code;

	if (!asking) {
		ask->done(core, ask->userdata, SK_CONSOLE_NEEDED, NULL);
		return;
	}
	*asking = (Asking){.core = core, .done = ask->done, .userdata = ask->userdata};
	sk_str_copy(asking->medium, sizeof(asking->medium), ask->grant.medium);
	sk_str_copy(asking->mode, sizeof(asking->mode), ask->grant.mode);
	code = grants_find(core, &ask->grant, &grant);
	/* A grant without the key's public half is of a medium that has none at the console; or a code that
	 * was read out, which opens what needs the console only with a lease. */
	if (code == SK_REASON_NONE &&
		!read_bytes(grant, "key", asking->answer.public_key, sizeof(asking->answer.public_key)))
		code = json_object_get(grant, "counter") ? SK_CONSOLE_NEEDED : SK_KEY_DESTROYED;
	if (code != SK_REASON_NONE) {
		finish(asking, code);
		return;
	}
	sk_str_copy(asking->answer.grant, sizeof(asking->answer.grant),
		json_string_value(json_object_get(grant, "id")));
	if (call_console(ask, asking) < 0)
		finish(asking, SK_CONSOLE_NEEDED);
}

typedef struct Telling {
	Core *core;
	const char *operation; /* static */
	json_t *body;
	char subject[64];
	KeyTold told;
} Telling;

static void told(Telling *telling, SkReason code)
{
	telling->told(telling->core, telling->subject, code);
	json_decref(telling->body);
	free(telling);
}

static int tell(Telling *telling, uint32_t flag, UplinkDone done)
{
	return uplink_call(telling->core, &(UplinkRequest){.operation = telling->operation,
						  .body = telling->body,
						  .flag = flag,
						  .done = done,
						  .userdata = telling});
}

/* It is on the disk; what becomes of it is a record ("console.answered"). */
static void on_spooled(void *userdata, int result, unsigned status, const char *json)
{
	told(userdata, result < 0 ? SK_CONSOLE_NEEDED : SK_REASON_NONE);
}

/* It was there a moment ago; if it is not now, it hears of it later. */
static void on_told(void *userdata, int result, unsigned status, const char *json)
{
	json_auto_t *problem = result == 0 ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
	Telling *telling = userdata;

	if (result == 0 && status < 300)
		told(telling, SK_REASON_NONE);
	else if (result == 0 && status < 500)
		told(telling, uplink_code_of(problem));
	else if (tell(telling, SK_UPLINK_CALL_SPOOL, on_spooled) < 0)
		told(telling, SK_CONSOLE_NEEDED);
}

static int begin(Telling new, const char *subject)
{
	Telling *telling = malloc(sizeof(*telling));
	int r;

	if (!telling)
		return -ENOMEM;
	*telling = new;
	json_incref(telling->body);
	sk_str_copy(telling->subject, sizeof(telling->subject), subject);
	r = tell(telling, SK_UPLINK_CALL_NOW, on_told);
	if (r < 0) {
		json_decref(telling->body);
		free(telling);
	}
	return r;
}

int media_key_prepared(Core *core, json_t *body, const char *subject, KeyTold done)
{
	return begin(
		(Telling){.core = core, .operation = "medium.prepared", .body = body, .told = done}, subject);
}

int media_key_escrow(Core *core, json_t *body, const char *subject, KeyTold done)
{
	return begin(
		(Telling){.core = core, .operation = "medium.escrow", .body = body, .told = done}, subject);
}
