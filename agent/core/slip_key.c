/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/slip_key.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/log/log.h"
#include "lib/slip/slip.h"

#define FILE_NAME "sign.json"
#define FILE_MAX 65536

struct SlipKey {
	SkDsseSigner signer; /* no key: there is none yet */
	uint8_t seed[SK_SIGN_SEED_SIZE], public_key[SK_SIGN_PUBLIC_SIZE];
	char *statement; /* NULL: none yet */
	bool asking;
};

static void clear(SlipKey *key)
{
	sk_secret_free(own_take(key->signer.key));
	sk_secret_wipe(key->seed, sizeof(key->seed));
	free(own_take(key->statement));
}

static int make_signer(SlipKey *key)
{
	int r = sk_sign_key_new(key->seed, &key->signer.key, key->public_key);

	if (r == 0)
		sk_dsse_key_id(key->public_key, key->signer.id);
	return r;
}

static int keep(const Core *core)
{
	const SlipKey *key = core->slip_key;
	char seed[SK_BASE64_SIZE(SK_SIGN_SEED_SIZE)];
	json_t *object;

	sk_base64_format(key->seed, sizeof(key->seed), seed);
	object = json_pack("{s:s, s:s, s:s}", "terminal", core->console->terminal, "seed", seed, "statement",
		key->statement ? key->statement : "");
	sk_secret_wipe(seed, sizeof(seed));
	return console_store(core->console, FILE_NAME, object);
}

/* What belongs to another terminal is of no use. */
static int load(Core *core)
{
	json_auto_t *object = NULL;
	SlipKey *key = core->slip_key;
	uint8_t bytes[SK_BASE64_SIZE(SK_SIGN_SEED_SIZE)];
	const char *terminal, *seed, *statement;
	size_t size = 0;
	int r = console_load(core->console, FILE_NAME, FILE_MAX, &object);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (json_unpack(object, "{s:s, s:s, s:s}", "terminal", &terminal, "seed", &seed, "statement",
		    &statement) < 0 ||
		strlen(seed) != SK_BASE64_SIZE(SK_SIGN_SEED_SIZE) - 1 ||
		sk_base64_parse(seed, strlen(seed), bytes, &size) < 0 || size != sizeof(key->seed))
		return -EBADMSG;
	if (!sk_str_eq(terminal, core->console->terminal))
		return 0;
	memcpy(key->seed, bytes, sizeof(key->seed));
	sk_secret_wipe(bytes, sizeof(bytes));
	key->statement = *statement ? strdup(statement) : NULL;
	return make_signer(key);
}

int slip_key_open(Core *core)
{
	int r;

	core->slip_key = calloc(1, sizeof(*core->slip_key));
	if (!core->slip_key)
		return -ENOMEM;
	r = load(core);
	if (r < 0)
		sk_log(LOG_ERR, "the key that slips are signed with cannot be used: %s", strerror(-r));
	return 0;
}

void slip_key_close(Core *core)
{
	if (!core->slip_key)
		return;
	clear(core->slip_key);
	free(own_take(core->slip_key));
}

void slip_key_forget(Core *core)
{
	if (!core->slip_key)
		return;
	clear(core->slip_key);
	core->slip_key->asking = false;
	unlinkat(core->console->dir_fd, FILE_NAME, 0);
}

const SkDsseSigner *slip_key_signer(const Core *core)
{
	return core->slip_key && core->slip_key->signer.key ? &core->slip_key->signer : NULL;
}

const char *slip_key_statement(const Core *core)
{
	return core->slip_key ? core->slip_key->statement : NULL;
}

/* Signed by the console, about this terminal and this key. */
static int take_statement(Core *core, const json_t *envelope)
{
	const Console *console = core->console;
	const SkSlipTrust trust = {console->trust.keys, console->trust.n_keys};
	SlipKey *key = core->slip_key;
	own_free char *text = json_dumps(envelope, JSON_COMPACT);
	SkSlipSigner signer;
	int r = text ? sk_slip_signer_open(text, strlen(text), &trust, &signer) : -EBADMSG;

	if (r < 0)
		return r;
	if (!sk_str_eq(signer.terminal, console->terminal) ||
		memcmp(signer.key, key->public_key, sizeof(signer.key)) != 0)
		return -EXDEV;
	free(key->statement);
	key->statement = own_take(text);
	return keep(core);
}

static void on_answered(void *userdata, int result, unsigned status, const char *json)
{
	json_auto_t *answer = NULL;
	Core *core = userdata;
	int r;

	core->slip_key->asking = false;
	/* Away, or an older console: the next connection asks again. */
	if (result < 0 || status >= 500 || !core->slip_key->signer.key)
		return;
	answer = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	r = status == 200 ? take_statement(core, json_object_get(answer, "statement")) : -EPERM;
	record_write(core, &(Record){.kind = r == 0 ? "console.sign-key" : "console.sign-key-refused",
				   .actor = "console",
				   .code = r == 0 ? SK_REASON_NONE : SK_SEAL_KEY_OTHER,
				   .body = json_pack("{s:i, s:s}", "status", (int)status, "error",
					   r < 0 ? strerror(-r) : "")});
}

static int make_key(Core *core)
{
	int r;

	sk_random_fill(core->slip_key->seed, sizeof(core->slip_key->seed));
	r = make_signer(core->slip_key);
	return r < 0 ? r : keep(core);
}

void slip_key_offer(Core *core)
{
	char text[SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE)];
	json_auto_t *body = NULL;
	SlipKey *key = core->slip_key;

	if (!key || key->statement || key->asking || !console_enrolled(core))
		return;
	if (!key->signer.key && make_key(core) < 0)
		return;
	sk_base64_format(key->public_key, sizeof(key->public_key), text);
	body = json_pack("{s:s}", "key", text);
	key->asking = body && uplink_call(core, &(UplinkRequest){.operation = "sign-key.tell",
							.body = body,
							.flag = SK_UPLINK_CALL_NOW,
							.done = on_answered,
							.userdata = core}) == 0;
}
