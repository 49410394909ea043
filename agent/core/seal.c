/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/seal.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/log/log.h"

#define FILE_NAME "seal.json"
#define STATEMENT_MAX 65536
#define BOX_INFO "sekisho offline secret 1"

struct Seal {
	SkSecret *secret; /* NULL: no key yet */
	uint8_t public_key[SK_BOX_KEY_SIZE];
	SkSecret *offline; /* NULL: the console has not answered yet */
	bool asking;
};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* Base64 of exactly size bytes into a secret of that size. */
static SkSecret *read_secret(const json_t *object, const char *name, size_t size)
{
	const char *text = text_of(object, name);
	uint8_t bytes[SK_BASE64_SIZE(64)];
	SkSecret *secret = NULL;
	size_t got = 0;

	if (size <= 64 && strlen(text) == SK_BASE64_SIZE(size) - 1 &&
		sk_base64_parse(text, strlen(text), bytes, &got) == 0 && got == size &&
		sk_secret_new(size, &secret) == 0)
		memcpy(sk_secret_data(secret), bytes, size);
	sk_secret_wipe(bytes, sizeof(bytes));
	return secret;
}

static json_t *secret_json(SkSecret *secret)
{
	char text[SK_BASE64_SIZE(64)] = "";
	json_t *value;

	if (secret)
		sk_base64_format(sk_secret_data(secret), sk_secret_size(secret), text);
	value = json_string(text);
	sk_secret_wipe(text, sizeof(text));
	return value;
}

static int keep(const Core *core)
{
	const Seal *seal = core->seal;
	char public_key[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];

	sk_base64_format(seal->public_key, sizeof(seal->public_key), public_key);
	return console_store(core->console, FILE_NAME,
		json_pack("{s:s, s:s, s:o, s:o}", "terminal", core->console->terminal, "public", public_key,
			"secret", secret_json(seal->secret), "offline", secret_json(seal->offline)));
}

static void clear(Seal *seal)
{
	sk_secret_free(own_take(seal->secret));
	sk_secret_free(own_take(seal->offline));
}

/* What belongs to another terminal is of no use. */
static int load(Core *core)
{
	json_auto_t *object = NULL;
	Seal *seal = core->seal;
	own_secret SkSecret *public_key = NULL;
	int r = console_load(core->console, FILE_NAME, 8192, &object);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!sk_str_eq(text_of(object, "terminal"), core->console->terminal))
		return 0;
	public_key = read_secret(object, "public", SK_BOX_KEY_SIZE);
	seal->secret = read_secret(object, "secret", SK_BOX_KEY_SIZE);
	seal->offline = read_secret(object, "offline", SK_OFFLINE_SECRET_SIZE);
	if (!public_key || !seal->secret) {
		clear(seal);
		return -EBADMSG;
	}
	memcpy(seal->public_key, sk_secret_data(public_key), SK_BOX_KEY_SIZE);
	return 0;
}

int seal_open(Core *core)
{
	Seal *seal = calloc(1, sizeof(*seal));
	int r;

	if (!seal)
		return -ENOMEM;
	core->seal = seal;
	r = load(core);
	if (r < 0)
		sk_log(LOG_ERR, "the key of this terminal cannot be used: %s", strerror(-r));
	return 0;
}

void seal_close(Core *core)
{
	if (!core->seal)
		return;
	clear(core->seal);
	free(own_take(core->seal));
}

void seal_forget(Core *core)
{
	if (!core->seal)
		return;
	clear(core->seal);
	core->seal->asking = false;
	unlinkat(core->console->dir_fd, FILE_NAME, 0);
}

const uint8_t *seal_public(const Core *core)
{
	return core->seal && core->seal->secret ? core->seal->public_key : NULL;
}

const uint8_t *seal_offline_secret(const Core *core)
{
	return core->seal && core->seal->offline ? sk_secret_data(core->seal->offline) : NULL;
}

/* Signed, for this terminal, about this key, and sealed to it. */
static int take_statement(Core *core, const json_t *envelope)
{
	const Console *console = core->console;
	own_free char *text = json_dumps(envelope, JSON_COMPACT);
	own_secret SkSecret *offline = NULL;
	json_auto_t *payload = NULL;
	int r = text ? console_verify(core, SK_DSSE_SECRET, text, STATEMENT_MAX, &payload) : -EBADMSG;
	uint8_t box[SK_BASE64_SIZE(SK_OFFLINE_SECRET_SIZE + SK_BOX_OVERHEAD)];
	char public_key[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];
	size_t size = 0;

	if (r < 0)
		return r;
	sk_base64_format(core->seal->public_key, SK_BOX_KEY_SIZE, public_key);
	if (!sk_str_eq(text_of(payload, "terminal"), console->terminal) ||
		!sk_str_eq(text_of(payload, "key"), public_key))
		return -EXDEV;
	if (strlen(text_of(payload, "offline")) >= sizeof(box) ||
		sk_base64_parse(
			text_of(payload, "offline"), strlen(text_of(payload, "offline")), box, &size) < 0)
		return -EBADMSG;
	r = sk_box_open(core->seal->secret, (SkBoxLabel){.info = BOX_INFO, .aad = console->terminal}, box,
		size, &offline);
	if (r < 0 || sk_secret_size(offline) != SK_OFFLINE_SECRET_SIZE)
		return r < 0 ? r : -EBADMSG;
	core->seal->offline = own_take(offline);
	return keep(core);
}

static void on_answered(void *userdata, int result, unsigned status, const char *json)
{
	json_auto_t *answer = NULL;
	Core *core = userdata;
	int r = result;

	core->seal->asking = false;
	/* Away, or an older console: the next connection asks again. */
	if (result < 0 || status >= 500 || !core->seal->secret)
		return;
	answer = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	r = status == 200 ? take_statement(core, json_object_get(answer, "statement")) : -EPERM;
	record_write(core, &(Record){.kind = r == 0 ? "console.seal-key" : "console.seal-key-refused",
				   .actor = "console",
				   .code = r == 0 ? SK_REASON_NONE : SK_SEAL_KEY_OTHER,
				   .body = json_pack("{s:i, s:s}", "status", (int)status, "error",
					   r < 0 ? strerror(-r) : "")});
}

static int make_key(Core *core)
{
	int r = sk_box_key_new(&core->seal->secret, core->seal->public_key);

	return r < 0 ? r : keep(core);
}

void seal_offer(Core *core)
{
	char public_key[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];
	json_auto_t *body = NULL;
	Seal *seal = core->seal;

	if (seal->offline || seal->asking || !console_enrolled(core))
		return;
	if (!seal->secret && make_key(core) < 0)
		return;
	sk_base64_format(seal->public_key, sizeof(seal->public_key), public_key);
	body = json_pack("{s:s, s:s}", "key", public_key, "kind", "file");
	seal->asking = body && uplink_call(core, &(UplinkRequest){.operation = "seal-key.tell",
							 .body = body,
							 .flag = SK_UPLINK_CALL_NOW,
							 .done = on_answered,
							 .userdata = core}) == 0;
}
