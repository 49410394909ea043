/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/leases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/grants.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/seal.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/secret.h"
#include "lib/log/log.h"

#define FILE_NAME "leases.json"
#define FILE_MAX (1u << 20)
#define STATEMENT_MAX 65536
#define LEASES_MAX 100

/* One lease: {statement: envelope, id, medium, grant, from, until, box}. */
struct Leases {
	json_t *list;
};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static int64_t time_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void keep(const Core *core)
{
	if (console_store(core->console, FILE_NAME, json_incref(core->leases->list)) < 0)
		sk_log(LOG_ERR, "leases cannot be kept");
}

/* What the file says is believed only as far as the console signed it. */
static bool is_signed(Core *core, const json_t *lease)
{
	own_free char *text = json_dumps(json_object_get(lease, "statement"), JSON_COMPACT);
	json_auto_t *payload = NULL;

	return text && console_verify(core, SK_DSSE_LEASE, text, STATEMENT_MAX, &payload) == 0 &&
	       sk_str_eq(text_of(payload, "terminal"), console_terminal(core)) &&
	       sk_str_eq(text_of(payload, "id"), text_of(lease, "id")) &&
	       sk_str_eq(text_of(payload, "medium"), text_of(lease, "medium")) &&
	       sk_str_eq(text_of(payload, "grant"), text_of(lease, "grant")) &&
	       time_of(payload, "from") == time_of(lease, "from") &&
	       time_of(payload, "until") == time_of(lease, "until");
}

int leases_open(Core *core)
{
	Leases *leases = calloc(1, sizeof(*leases));
	json_t *list = NULL, *lease;
	size_t i;

	if (!leases)
		return -ENOMEM;
	core->leases = leases;
	leases->list = json_array();
	if (!leases->list)
		return -ENOMEM;
	if (console_load(core->console, FILE_NAME, FILE_MAX, &list) < 0)
		return 0;
	json_array_foreach (list, i, lease) {
		if (is_signed(core, lease))
			json_array_append(leases->list, lease);
		else
			sk_log(LOG_ERR, "a lease that the console did not sign is forgotten");
	}
	json_decref(list);
	return 0;
}

void leases_close(Core *core)
{
	if (!core->leases)
		return;
	json_decref(core->leases->list);
	free(own_take(core->leases));
}

/* What becomes of it is a record ("console.answered"). */
static void on_taken(void *userdata, int result, unsigned status, const char *json)
{
}

static void end(Core *core, const json_t *lease, const char *why)
{
	json_auto_t *body = json_pack("{s:s}", "lease", text_of(lease, "id"));

	record_write(core, &(Record){.kind = "lease.over",
				   .code = SK_LEASE_OVER,
				   .body = json_pack("{s:s, s:o, s:s}", "lease", text_of(lease, "id"),
					   "medium", record_text(text_of(lease, "medium")), "because", why)});
	if (body && console_enrolled(core))
		uplink_call(core, &(UplinkRequest){.operation = "lease.wiped",
					  .body = body,
					  .flag = SK_UPLINK_CALL_SPOOL,
					  .done = on_taken});
}

static const char *why_over(Core *core, const json_t *lease, const SkStrictTime *now)
{
	if (console_medium_revoked(core, text_of(lease, "medium")))
		return "medium";
	if (!grants_by_id(core, text_of(lease, "grant")))
		return "grant";
	return sk_strict_time_judge(now, 0, time_of(lease, "until")) == SK_STRICT_OVER ? "time" : NULL;
}

/* The file is replaced, so the box of what ended is in no file any more. */
void leases_look(Core *core)
{
	SkStrictTime now;
	bool changed = false;
	size_t i = 0;

	if (!core->leases)
		return;
	now = grants_time(core);
	while (i < json_array_size(core->leases->list)) {
		const json_t *lease = json_array_get(core->leases->list, i);
		const char *why = why_over(core, lease, &now);

		if (!why) {
			i++;
			continue;
		}
		end(core, lease, why);
		json_array_remove(core->leases->list, i);
		changed = true;
	}
	if (changed)
		keep(core);
}

void leases_forget(Core *core)
{
	if (!core->leases)
		return;
	json_array_clear(core->leases->list);
	unlinkat(core->console->dir_fd, FILE_NAME, 0);
}

static json_t *find(const Core *core, const char *medium)
{
	json_t *lease;
	size_t i;

	json_array_foreach (core->leases->list, i, lease) {
		if (sk_str_eq(text_of(lease, "medium"), medium))
			return lease;
	}
	return NULL;
}

static void fill(const json_t *object, Lease *lease)
{
	uint8_t box[SK_BASE64_SIZE(SK_LEASE_BOX_MAX)];
	const char *text = text_of(object, "box");

	*lease = (Lease){.from = time_of(object, "from"), .until = time_of(object, "until")};
	sk_str_copy(lease->id, sizeof(lease->id), text_of(object, "id"));
	sk_str_copy(lease->medium, sizeof(lease->medium), text_of(object, "medium"));
	if (*text && strlen(text) < sizeof(box) &&
		sk_base64_parse(text, strlen(text), box, &lease->box_size) == 0 &&
		lease->box_size <= sizeof(lease->box))
		memcpy(lease->box, box, lease->box_size);
	else
		lease->box_size = 0;
}

typedef struct Taking {
	Core *core;
	LeaseDone done;
	void *userdata;
	char medium[32];
} Taking;

static void finish(Taking *taking, SkReason code, const json_t *object)
{
	Core *core = taking->core;
	Lease lease = {.from = 0};

	if (object)
		fill(object, &lease);
	record_write(core, &(Record){.kind = "lease.taken",
				   .code = code,
				   .body = json_pack("{s:o, s:s, s:I}", "medium", record_text(taking->medium),
					   "lease", lease.id, "until", (json_int_t)lease.until)});
	taking->done(core, taking->userdata, code, object ? &lease : NULL);
	free(taking);
}

/* The lease instead of the one before of this medium. Return: borrowed, or NULL. */
static const json_t *add(Core *core, const json_t *statement, const json_t *payload)
{
	json_t *lease = json_pack("{s:O, s:O, s:O, s:O, s:O, s:O, s:s}", "statement", statement, "id",
		json_object_get(payload, "id"), "medium", json_object_get(payload, "medium"), "grant",
		json_object_get(payload, "grant"), "from", json_object_get(payload, "from"), "until",
		json_object_get(payload, "until"), "box", "");
	json_t *before = lease ? find(core, text_of(lease, "medium")) : NULL;

	if (!lease || !is_signed(core, lease) ||
		(!before && json_array_size(core->leases->list) >= LEASES_MAX)) {
		json_decref(lease);
		return NULL;
	}
	if (before) {
		/* The same lease keeps its box. */
		if (!sk_str_eq(text_of(before, "id"), text_of(lease, "id"))) {
			json_object_clear(before);
			json_object_update(before, lease);
		}
		json_decref(lease);
		return before;
	}
	return json_array_append_new(core->leases->list, lease) < 0 ? NULL : lease;
}

static void on_answered(void *userdata, int result, unsigned status, const char *json)
{
	json_auto_t *answer = result == 0 ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
	json_auto_t *payload = NULL;
	Taking *taking = userdata;
	const json_t *statement = json_object_get(answer, "statement"), *lease = NULL;
	own_free char *text = NULL;

	if (result < 0 || status >= 500) {
		finish(taking, SK_CONSOLE_NEEDED, NULL);
		return;
	}
	if (status != 200) {
		finish(taking, uplink_code_of(answer), NULL);
		return;
	}
	text = json_dumps(statement, JSON_COMPACT);
	if (text && console_verify(taking->core, SK_DSSE_LEASE, text, STATEMENT_MAX, &payload) == 0 &&
		sk_str_eq(text_of(payload, "medium"), taking->medium))
		lease = add(taking->core, statement, payload);
	if (lease)
		keep(taking->core);
	finish(taking, lease ? SK_REASON_NONE : SK_CONSOLE_NEEDED, lease);
}

void leases_take(Core *core, const char *medium, LeaseDone done, void *userdata)
{
	Taking *taking = calloc(1, sizeof(*taking));
	json_auto_t *body = json_pack("{s:s}", "medium", medium);

	if (!taking || !body) {
		free(taking);
		done(core, userdata, SK_CONSOLE_NEEDED, NULL);
		return;
	}
	*taking = (Taking){.core = core, .done = done, .userdata = userdata};
	sk_str_copy(taking->medium, sizeof(taking->medium), medium);
	if (uplink_call(core, &(UplinkRequest){.operation = "lease.take",
				      .body = body,
				      .flag = SK_UPLINK_CALL_NOW,
				      .done = on_answered,
				      .userdata = taking}) < 0)
		finish(taking, SK_CONSOLE_NEEDED, NULL);
}

SkReason leases_keep(Core *core, const char *medium, const void *box, size_t size)
{
	char text[SK_BASE64_SIZE(SK_LEASE_BOX_MAX)];
	json_t *lease = find(core, medium);

	if (!lease || size == 0 || size > SK_LEASE_BOX_MAX)
		return SK_LEASE_NONE;
	sk_base64_format(box, size, text);
	json_object_set_new(lease, "box", json_string(text));
	keep(core);
	record_write(core, &(Record){.kind = "lease.sealed",
				   .body = json_pack("{s:s, s:o}", "lease", text_of(lease, "id"), "medium",
					   record_text(medium))});
	return SK_REASON_NONE;
}

SkReason leases_find(Core *core, const char *medium, Lease *ret_lease)
{
	SkStrictTime now = grants_time(core);
	const json_t *object;

	leases_look(core);
	object = find(core, medium);
	if (!object || sk_strict_time_judge(&now, time_of(object, "from"), time_of(object, "until")) !=
			       SK_STRICT_WITHIN)
		return SK_LEASE_NONE;
	fill(object, ret_lease);
	return ret_lease->box_size > 0 ? SK_REASON_NONE : SK_LEASE_NONE;
}

json_t *leases_to_json(const Core *core)
{
	json_t *list = json_array(), *lease;
	size_t i;

	json_array_foreach (core->leases->list, i, lease) {
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I, s:b}", "id", text_of(lease, "id"), "medium",
				      text_of(lease, "medium"), "until", (json_int_t)time_of(lease, "until"),
				      "sealed", *text_of(lease, "box") != 0));
	}
	return list;
}
