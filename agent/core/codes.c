/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/codes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/json_text.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/seal.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/offline_code.h"
#include "lib/log/log.h"

#define FILE_NAME "codes.json"
#define FILE_MAX (1u << 20)
#define HOUR_MS INT64_C(3600000)

/* taken: grants of our own, with counter and start of the code. wrong: times (ms) of the last wrong tries. */
struct Codes {
	json_t *taken, *wrong;
};

static int64_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static int keep(const Core *core)
{
	return console_store(core->console, FILE_NAME,
		json_pack("{s:O, s:O}", "taken", core->codes->taken, "wrong", core->codes->wrong));
}

int codes_open(Core *core)
{
	Codes *codes = calloc(1, sizeof(*codes));
	json_auto_t *object = NULL;

	if (!codes)
		return -ENOMEM;
	core->codes = codes;
	if (console_load(core->console, FILE_NAME, FILE_MAX, &object) == 0) {
		codes->taken = json_incref(json_object_get(object, "taken"));
		codes->wrong = json_incref(json_object_get(object, "wrong"));
	}
	if (!json_is_array(codes->taken))
		codes->taken = json_array();
	if (!json_is_array(codes->wrong))
		codes->wrong = json_array();
	return codes->taken && codes->wrong ? 0 : -ENOMEM;
}

void codes_close(Core *core)
{
	if (!core->codes)
		return;
	json_decref(core->codes->taken);
	json_decref(core->codes->wrong);
	free(own_take(core->codes));
}

void codes_forget(Core *core)
{
	if (!core->codes)
		return;
	json_array_clear(core->codes->taken);
	json_array_clear(core->codes->wrong);
	unlinkat(core->console->dir_fd, FILE_NAME, 0);
}

/* By the later time: a clock that is set back gives no more tries. */
bool codes_may_try(Core *core)
{
	json_t *wrong = core->codes->wrong;
	int64_t now = grants_time(core).latest;

	while (json_array_size(wrong) > 0 && json_integer_value(json_array_get(wrong, 0)) <= now - HOUR_MS)
		json_array_remove(wrong, 0);
	return json_array_size(wrong) < SK_OFFLINE_TRIES_PER_HOUR;
}

void codes_wrong(Core *core)
{
	json_array_append_new(core->codes->wrong, json_integer(grants_time(core).latest));
	/* What cannot be kept would give a guesser a new try with each restart. */
	if (keep(core) < 0)
		sk_log(LOG_ERR, "a wrong code cannot be noted");
}

/* The same code, by its counter and the hour in which it began. */
static bool is_code(const json_t *object, const SkOfflineCode *code)
{
	return number_of(object, "counter") == (int64_t)code->counter &&
	       number_of(object, "start") == code->start_hour;
}

static bool lists(const json_t *list, const SkOfflineCode *code)
{
	const json_t *object;
	size_t i;

	json_array_foreach (list, i, object) {
		if (is_code(object, code))
			return true;
	}
	return false;
}

/* Those whose window is over are not needed any more: no code of then is taken now. */
static void forget_old(Core *core, const SkStrictTime *now)
{
	json_t *taken = core->codes->taken;
	size_t i = 0;

	while (i < json_array_size(taken)) {
		if (number_of(json_array_get(taken, i), "until") + HOUR_MS < now->earliest)
			json_array_remove(taken, i);
		else
			i++;
	}
}

static void tell_console(Core *core, const json_t *taken)
{
	json_auto_t *body = json_pack("{s:O, s:O, s:O, s:O, s:O, s:O}", "counter",
		json_object_get(taken, "counter"), "startHour", json_object_get(taken, "start"), "medium",
		json_object_get(taken, "medium"), "user", json_object_get(taken, "user"), "action",
		json_object_get(taken, "mode"), "at", json_object_get(taken, "from"));

	if (body)
		uplink_call(core, &(UplinkRequest){.operation = "offline-code.used",
					  .body = body,
					  .flag = SK_UPLINK_CALL_SPOOL});
}

/* On the disk before it holds: else a kill would make it good twice. */
static SkReason take(Core *core, const CodeEntry *entry, const SkOfflineCode *code, const SkStrictTime *now)
{
	int64_t until = (code->start_hour + sk_offline_hours(code->length_index)) * HOUR_MS;
	char id[32];
	json_t *taken;

	sk_str_format(id, sizeof(id), "code-%u-%lld", code->counter, (long long)code->start_hour);
	taken = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:I, s:I}", "id", id, "medium",
		entry->medium, "number", "", "label", "", "mode", entry->action, "user", entry->user, "from",
		(json_int_t)now->earliest, "until", (json_int_t)until, "lease", 0, "counter",
		(json_int_t)code->counter, "start", (json_int_t)code->start_hour);
	if (!taken || json_array_append_new(core->codes->taken, taken) < 0)
		return SK_CODE_WRONG;
	if (keep(core) < 0) {
		json_array_remove(core->codes->taken, json_array_size(core->codes->taken) - 1);
		return SK_RECORDS_FAIL;
	}
	tell_console(core, taken);
	return SK_CODE_TAKEN;
}

static SkReason judge(Core *core, const CodeEntry *entry, SkOfflineCode *code)
{
	const SkOfflineBinding binding = {console_terminal(core), entry->medium, entry->user, entry->action};
	const uint8_t *secret = seal_offline_secret(core);
	SkStrictTime now = grants_time(core);
	int r;

	if (!secret)
		return seal_is_away(core) ? SK_SEAL_KEY_AWAY : SK_CODE_NO_SECRET;
	if (console_medium_revoked(core, entry->medium))
		return SK_MEDIUM_FROZEN;
	if (!codes_may_try(core))
		return SK_CODES_TOO_MANY;
	r = sk_offline_code_verify(secret, &binding, entry->text, now.latest, code);
	if (r == -EINVAL)
		return SK_CODE_SLIP;
	/* A clock that was set forward does not begin it. */
	if (r == -ETIME || (r == 0 && now.earliest < code->start_hour * HOUR_MS))
		return SK_CODE_NOT_NOW;
	if (r < 0) {
		codes_wrong(core);
		return SK_CODE_WRONG;
	}
	if (lists(core->codes->taken, code) || lists(console_revoked_codes(core), code))
		return SK_CODE_OVER;
	forget_old(core, &now);
	return take(core, entry, code, &now);
}

SkReason codes_enter(Core *core, const CodeEntry *entry)
{
	SkOfflineCode code = {.counter = 0};
	SkReason reason = judge(core, entry, &code);
	bool taken = reason == SK_CODE_TAKEN;

	record_write(core, &(Record){.kind = taken ? "code.taken" : "code.refused",
				   .actor = entry->actor,
				   .code = reason,
				   .body = json_pack("{s:o, s:o, s:o, s:i}", "medium",
					   record_text(entry->medium), "action", record_text(entry->action),
					   "user", record_text(entry->user), "counter", (int)code.counter)});
	if (taken)
		grants_changed(core);
	return reason;
}

const json_t *codes_find(Core *core, const GrantAsk *ask, const SkStrictTime *now)
{
	const json_t *taken;
	size_t i;

	json_array_foreach (core->codes->taken, i, taken) {
		const SkOfflineCode code = {.counter = (unsigned)number_of(taken, "counter"),
			.start_hour = number_of(taken, "start")};

		if (sk_str_eq(text_of(taken, "medium"), ask->medium) &&
			sk_str_eq(text_of(taken, "user"), ask->user) &&
			(sk_str_eq(text_of(taken, "mode"), ask->mode) ||
				(sk_str_eq(ask->mode, "read") &&
					sk_str_eq(text_of(taken, "mode"), "read-write"))) &&
			!lists(console_revoked_codes(core), &code) &&
			sk_strict_time_judge(now, 0, number_of(taken, "until")) == SK_STRICT_WITHIN)
			return taken;
	}
	return NULL;
}
