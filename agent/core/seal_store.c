/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/records.h"
#include "agent/core/seal_inner.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/aead.h"
#include "lib/crypt/base64.h"
#include "lib/log/log.h"

#define AGAIN_USEC (10 * 1000000ULL)

const char *seal_text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* Base64 of exactly size bytes into a secret of that size. */
static SkSecret *read_secret(const json_t *object, const char *name, size_t size)
{
	const char *text = seal_text_of(object, name);
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

/* The secrets one after the other, under the content of the cell. Return: base64 for the caller, or NULL. */
static char *wrap(const Core *core)
{
	const Seal *seal = core->seal;
	size_t size = SK_BOX_KEY_SIZE + (seal->offline ? SK_OFFLINE_SECRET_SIZE : 0);
	uint8_t box[SK_BOX_KEY_SIZE + SK_OFFLINE_SECRET_SIZE + SK_AEAD_OVERHEAD];
	own_secret SkSecret *plain = NULL;
	char *text = malloc(SEAL_WRAPPED_MAX);

	if (!text || sk_secret_new(size, &plain) < 0) {
		free(text);
		return NULL;
	}
	memcpy(sk_secret_data(plain), sk_secret_data(seal->secret), SK_BOX_KEY_SIZE);
	if (seal->offline)
		memcpy(sk_secret_data(plain) + SK_BOX_KEY_SIZE, sk_secret_data(seal->offline),
			SK_OFFLINE_SECRET_SIZE);
	sk_aead_seal(sk_secret_data(seal->wrap_key),
		(SkAeadContext){core->console->terminal, strlen(core->console->terminal)},
		sk_secret_data(plain), size, box);
	sk_base64_format(box, size + SK_AEAD_OVERHEAD, text);
	return text;
}

static int unwrap(Core *core)
{
	uint8_t box[SEAL_WRAPPED_MAX];
	own_secret SkSecret *plain = NULL;
	Seal *seal = core->seal;
	size_t size = 0;
	int r = sk_base64_parse(seal->wrapped, strlen(seal->wrapped), box, &size);

	if (r == 0)
		r = sk_aead_open(sk_secret_data(seal->wrap_key),
			(SkAeadContext){core->console->terminal, strlen(core->console->terminal)}, box, size,
			&plain);
	if (r < 0)
		return r;
	bool has_offline = sk_secret_size(plain) == SK_BOX_KEY_SIZE + SK_OFFLINE_SECRET_SIZE;

	if (sk_secret_size(plain) != SK_BOX_KEY_SIZE && !has_offline)
		return -EBADMSG;
	r = sk_secret_new(SK_BOX_KEY_SIZE, &seal->secret);
	if (r == 0 && has_offline)
		r = sk_secret_new(SK_OFFLINE_SECRET_SIZE, &seal->offline);
	if (r < 0)
		return r;
	memcpy(sk_secret_data(seal->secret), sk_secret_data(plain), SK_BOX_KEY_SIZE);
	if (has_offline)
		memcpy(sk_secret_data(seal->offline), sk_secret_data(plain) + SK_BOX_KEY_SIZE,
			SK_OFFLINE_SECRET_SIZE);
	return 0;
}

int seal_keep(Core *core)
{
	Seal *seal = core->seal;
	char public_key[SK_BASE64_SIZE(SK_BOX_KEY_SIZE)];
	char password[SK_BASE64_SIZE(sizeof(seal->cell.password))] = "";
	bool in_tpm = seal->place == SEAL_IN_TPM, plain = !in_tpm && !seal->unsaved;
	json_t *object;

	if (in_tpm) {
		free(seal->wrapped);
		seal->wrapped = wrap(core);
		if (!seal->wrapped)
			return -ENOMEM;
	}
	sk_base64_format(seal->public_key, sizeof(seal->public_key), public_key);
	if (seal->has_cell)
		sk_base64_format(seal->cell.password, sizeof(seal->cell.password), password);
	object = json_pack("{s:s, s:s, s:o, s:o, s:I, s:s, s:s}", "terminal", core->console->terminal,
		"public", public_key, "secret", secret_json(plain ? seal->secret : NULL), "offline",
		secret_json(plain ? seal->offline : NULL), "cell", (json_int_t)seal->cell.number, "password",
		password, "wrapped", in_tpm ? seal->wrapped : "");
	return console_store(core->console, SEAL_FILE, object);
}

void seal_clear(Seal *seal)
{
	sk_secret_free(own_take(seal->secret));
	sk_secret_free(own_take(seal->offline));
	sk_secret_free(own_take(seal->wrap_key));
	free(own_take(seal->wrapped));
	seal->again = sd_event_source_disable_unref(seal->again);
	sk_secret_wipe(&seal->cell, sizeof(seal->cell));
	seal->has_cell = seal->unsaved = seal->waits = false;
	seal->tpm_error = 0;
	seal->place = SEAL_NOWHERE;
}

static void load_cell(Seal *seal, const json_t *object)
{
	own_secret SkSecret *password = read_secret(object, "password", sizeof(seal->cell.password));
	json_int_t number = json_integer_value(json_object_get(object, "cell"));

	if (!password || number < 0 || number >= (json_int_t)SK_TPM_CELLS)
		return;
	seal->cell.number = (uint32_t)number;
	memcpy(seal->cell.password, sk_secret_data(password), sizeof(seal->cell.password));
	seal->has_cell = true;
}

static int load_secrets(Core *core, const json_t *object)
{
	Seal *seal = core->seal;

	if (*seal_text_of(object, "wrapped")) {
		seal->wrapped = strdup(seal_text_of(object, "wrapped"));
		seal->place = SEAL_AWAY;
		if (!seal->wrapped)
			return -ENOMEM;
		return seal->has_cell && strlen(seal->wrapped) < SEAL_WRAPPED_MAX ? 0 : -EBADMSG;
	}
	/* Only a cell was chosen, for a key that was not made in the end. */
	if (!*seal_text_of(object, "secret") && seal->has_cell)
		return 0;
	seal->secret = read_secret(object, "secret", SK_BOX_KEY_SIZE);
	seal->offline = read_secret(object, "offline", SK_OFFLINE_SECRET_SIZE);
	seal->place = SEAL_IN_FILE;
	return seal->secret ? 0 : -EBADMSG;
}

static int ask(Seal *seal, SealTpmWhat what, SkSecret *content)
{
	int r = seal_tpm_ask(seal->tpm, what, &seal->cell, content);

	seal->waits = r == 0;
	return r;
}

/* What belongs to another terminal is of no use. */
int seal_load(Core *core)
{
	json_auto_t *object = NULL;
	Seal *seal = core->seal;
	own_secret SkSecret *public_key = NULL;
	int r = console_load(core->console, SEAL_FILE, 8192, &object);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!sk_str_eq(seal_text_of(object, "terminal"), core->console->terminal))
		return 0;
	public_key = read_secret(object, "public", SK_BOX_KEY_SIZE);
	load_cell(seal, object);
	r = public_key ? load_secrets(core, object) : -EBADMSG;
	if (r < 0) {
		seal_clear(seal);
		return r;
	}
	memcpy(seal->public_key, sk_secret_data(public_key), SK_BOX_KEY_SIZE);
	if (seal->place == SEAL_AWAY)
		return ask(seal, SEAL_TPM_READ, NULL);
	/* Where that cannot be asked, it stays where it is. */
	if (seal->place == SEAL_IN_FILE)
		(void)seal_protect(core);
	return 0;
}

/* The cell is on the disk before it is in the TPM: one that a cut leaves there is found again. */
int seal_protect(Core *core)
{
	Seal *seal = core->seal;
	int r = 0;

	if (!seal->has_cell) {
		sk_random_fill(&seal->cell.number, sizeof(seal->cell.number));
		seal->cell.number %= SK_TPM_CELLS;
		sk_random_fill(seal->cell.password, sizeof(seal->cell.password));
		seal->has_cell = true;
		r = seal_keep(core);
	}
	if (r == 0 && !seal->wrap_key)
		r = sk_secret_new(SK_TPM_CELL_SIZE, &seal->wrap_key);
	if (r < 0)
		return r;
	sk_random_fill(sk_secret_data(seal->wrap_key), SK_TPM_CELL_SIZE);
	r = ask(seal, SEAL_TPM_WRITE, seal->wrap_key);
	if (r == -EBUSY)
		return 0; /* it is asked when the answer to what was forgotten is there */
	if (r == 0 || !seal->unsaved)
		return r;
	seal->unsaved = false;
	return seal_keep(core);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;
	Seal *seal = core->seal;

	seal->again = sd_event_source_disable_unref(seal->again);
	(void)ask(seal, SEAL_TPM_READ, NULL);
	return 0;
}

/* Told once for each time that it comes to be so. */
static void be_without(Core *core, SealPlace place, int error)
{
	static const char *const words[SEAL_PLACE_MAX] = {[SEAL_AWAY] = "away", [SEAL_LOST] = "lost"};
	Seal *seal = core->seal;

	seal->place = place;
	if (place == SEAL_AWAY && sd_event_add_time_relative(core->event, &seal->again, CLOCK_MONOTONIC,
					  AGAIN_USEC, 0, on_again, core) < 0)
		sk_log(LOG_ERR, "no memory for a timer: the TPM is asked again at the next start");
	if (error != seal->tpm_error)
		record_write(core, &(Record){.kind = "console.seal-key-away",
					   .code = SK_SEAL_KEY_AWAY,
					   .body = json_pack("{s:s, s:s}", "state", words[place], "error",
						   strerror(-error))});
	seal->tpm_error = error;
}

static void on_read(Core *core, int result, SkSecret **content)
{
	Seal *seal = core->seal;

	if (seal->place != SEAL_AWAY)
		return;
	if (result == 0) {
		sk_secret_free(own_take(seal->wrap_key));
		seal->wrap_key = own_take(*content);
		result = unwrap(core);
	}
	if (result == 0) {
		seal->place = SEAL_IN_TPM;
		seal->tpm_error = 0;
	} else {
		be_without(core,
			result == -ENOENT || result == -EBADMSG || result == -EACCES ? SEAL_LOST : SEAL_AWAY,
			result);
	}
}

static void on_written(Core *core, int result)
{
	Seal *seal = core->seal;
	bool was_unsaved = seal->unsaved;

	if (seal->place != SEAL_IN_FILE)
		return;
	if (result == -EEXIST) { /* somebody's: another number */
		seal->has_cell = false;
		(void)seal_protect(core);
		return;
	}
	seal->unsaved = false;
	if (result == 0)
		seal->place = SEAL_IN_TPM;
	if ((result == 0 || was_unsaved) && seal_keep(core) < 0) {
		seal->place = SEAL_IN_FILE;
		seal->unsaved = was_unsaved;
		return;
	}
	if (result < 0 && result != -ENODEV)
		sk_log(LOG_NOTICE, "the key of this terminal stays in a file, the TPM cannot be used: %s",
			strerror(-result));
	if (result == 0 || was_unsaved)
		record_write(core, &(Record){.kind = "console.seal-key-kept",
					   .body = json_pack("{s:s}", "place", seal_place(core))});
}

void seal_on_tpm(void *userdata, SealTpmWhat what, int result, SkSecret **content)
{
	Core *core = userdata;
	Seal *seal = core->seal;

	if (!seal->waits) {
		if (seal->unsaved)
			(void)seal_protect(core);
		return;
	}
	seal->waits = false;
	if (what == SEAL_TPM_READ)
		on_read(core, result, content);
	else
		on_written(core, result);
	seal_offer(core);
}
