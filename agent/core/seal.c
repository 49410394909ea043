/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/seal_inner.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/log/log.h"

#define STATEMENT_MAX 65536
#define BOX_INFO "sekisho offline secret 1"

int seal_open(Core *core)
{
	Seal *seal = calloc(1, sizeof(*seal));
	int r;

	if (!seal)
		return -ENOMEM;
	core->seal = seal;
	if (core->tpm_fd >= 0)
		seal->tpm = seal_tpm_new(core->event, core->tpm_fd, seal_on_tpm, core);
	r = seal_load(core);
	if (r < 0)
		sk_log(LOG_ERR, "the key of this terminal cannot be used: %s", strerror(-r));
	return 0;
}

void seal_close(Core *core)
{
	if (!core->seal)
		return;
	seal_clear(core->seal);
	seal_tpm_free(core->seal->tpm);
	free(own_take(core->seal));
}

void seal_forget(Core *core)
{
	if (!core->seal)
		return;
	if (core->seal->has_cell)
		(void)seal_tpm_ask(core->seal->tpm, SEAL_TPM_DESTROY, &core->seal->cell, NULL);
	seal_clear(core->seal);
	core->seal->asking = false;
	unlinkat(core->console->dir_fd, SEAL_FILE, 0);
}

const char *seal_place(const Core *core)
{
	static const char *const names[SEAL_PLACE_MAX] = {"none", "file", "tpm", "away", "lost"};

	return names[core->seal ? core->seal->place : SEAL_NOWHERE];
}

bool seal_is_away(const Core *core)
{
	return core->seal && (core->seal->place == SEAL_AWAY || core->seal->place == SEAL_LOST);
}

const uint8_t *seal_public(const Core *core)
{
	return core->seal && core->seal->secret ? core->seal->public_key : NULL;
}

int seal_lease_open(
	const Core *core, const SkLease *lease, SkLeaseTime now, SkLeaseBox box, SkSecret **ret_content)
{
	if (!core->seal || !core->seal->secret)
		return -ENOKEY;
	return sk_lease_open(core->seal->secret, lease, now, box, ret_content);
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
	if (!sk_str_eq(seal_text_of(payload, "terminal"), console->terminal) ||
		!sk_str_eq(seal_text_of(payload, "key"), public_key))
		return -EXDEV;
	if (strlen(seal_text_of(payload, "offline")) >= sizeof(box) ||
		sk_base64_parse(seal_text_of(payload, "offline"), strlen(seal_text_of(payload, "offline")),
			box, &size) < 0)
		return -EBADMSG;
	r = sk_box_open(core->seal->secret, (SkBoxLabel){.info = BOX_INFO, .aad = console->terminal}, box,
		size, &offline);
	if (r < 0 || sk_secret_size(offline) != SK_OFFLINE_SECRET_SIZE)
		return r < 0 ? r : -EBADMSG;
	core->seal->offline = own_take(offline);
	return seal_keep(core);
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

/* It is told when it is kept: in the TPM, or where there is none. */
static int make_key(Core *core)
{
	Seal *seal = core->seal;
	int r = sk_box_key_new(&seal->secret, seal->public_key);

	if (r < 0)
		return r;
	seal->place = SEAL_IN_FILE;
	seal->unsaved = true;
	return seal_protect(core);
}

void seal_offer(Core *core)
{
	char public_key[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];
	json_auto_t *body = NULL;
	Seal *seal = core->seal;

	if (seal->offline || seal->asking || !console_enrolled(core))
		return;
	if (seal->place == SEAL_NOWHERE && make_key(core) < 0)
		seal_clear(seal);
	if (!seal->secret || seal->unsaved)
		return;
	sk_base64_format(seal->public_key, sizeof(seal->public_key), public_key);
	body = json_pack(
		"{s:s, s:s}", "key", public_key, "kind", seal->place == SEAL_IN_TPM ? "tpm" : "file");
	seal->asking = body && uplink_call(core, &(UplinkRequest){.operation = "seal-key.tell",
							 .body = body,
							 .flag = SK_UPLINK_CALL_NOW,
							 .done = on_answered,
							 .userdata = core}) == 0;
}
