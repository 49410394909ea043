/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/leases_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/grants.h"
#include "agent/core/losses.h"
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
#define REMEMBERED_MSEC (30 * 86400 * INT64_C(1000))

int leases_store(const Core *core)
{
	int r = console_store(core->console, FILE_NAME, json_incref(core->leases->list));

	if (r < 0)
		sk_log(LOG_ERR, "leases cannot be kept");
	return r;
}

/* What the file says is believed only as far as the console signed it. */
static bool is_signed(Core *core, const json_t *lease)
{
	own_free char *text = json_dumps(json_object_get(lease, "statement"), JSON_COMPACT);
	json_auto_t *payload = NULL;

	return text && console_verify_kept(core, SK_DSSE_LEASE, text, STATEMENT_MAX, &payload) == 0 &&
	       sk_str_eq(lease_text(payload, "terminal"), console_terminal(core)) &&
	       sk_str_eq(lease_text(payload, "id"), lease_text(lease, "id")) &&
	       sk_str_eq(lease_text(payload, "medium"), lease_text(lease, "medium")) &&
	       sk_str_eq(lease_text(payload, "grant"), lease_text(lease, "grant")) &&
	       lease_time(payload, "from") == lease_time(lease, "from") &&
	       lease_time(payload, "until") == lease_time(lease, "until");
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

void lease_end(Core *core, json_t *lease, const char *why)
{
	json_auto_t *body = json_pack("{s:s}", "lease", lease_text(lease, "id"));

	json_object_set_new(lease, "box", json_string(""));
	json_object_set_new(lease, "over", json_string(why));
	record_write(
		core, &(Record){.kind = "lease.over",
			      .code = SK_LEASE_OVER,
			      .body = json_pack("{s:s, s:o, s:s}", "lease", lease_text(lease, "id"), "medium",
				      record_text(lease_text(lease, "medium")), "because", why)});
	if (body && console_enrolled(core))
		uplink_call(core,
			&(UplinkRequest){
				.operation = "lease.wiped", .body = body, .flag = SK_UPLINK_CALL_SPOOL});
}

static const char *why_over(Core *core, const json_t *lease, const SkStrictTime *now)
{
	if (losses_frozen(core, lease_text(lease, "medium")))
		return "medium";
	if (!grants_by_id(core, lease_text(lease, "grant")))
		return "grant";
	return sk_strict_time_judge(now, 0, lease_time(lease, "until")) == SK_STRICT_OVER ? "time" : NULL;
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
		json_t *lease = json_array_get(core->leases->list, i);
		const char *why = *lease_text(lease, "over") ? NULL : why_over(core, lease, &now);
		bool is_old = now.latest - lease_time(lease, "until") > REMEMBERED_MSEC;

		if (why)
			lease_end(core, lease, why);
		if (is_old)
			json_array_remove(core->leases->list, i);
		else
			i++;
		changed |= why || is_old;
	}
	if (changed)
		(void)leases_store(core);
}

void leases_forget(Core *core)
{
	if (!core->leases)
		return;
	json_array_clear(core->leases->list);
	unlinkat(core->console->dir_fd, FILE_NAME, 0);
}

json_t *lease_find(const Core *core, const char *medium)
{
	json_t *lease;
	size_t i;

	json_array_foreach (core->leases->list, i, lease) {
		if (sk_str_eq(lease_text(lease, "medium"), medium))
			return lease;
	}
	return NULL;
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
		lease_fill(object, &lease);
	record_write(core, &(Record){.kind = "lease.taken",
				   .code = code,
				   .body = json_pack("{s:o, s:s, s:I}", "medium", record_text(taking->medium),
					   "lease", lease.id, "until", (json_int_t)lease.until)});
	taking->done(core, taking->userdata, code, object ? &lease : NULL);
	free(taking);
}

/* The lease instead of the one before of this medium. Return: borrowed, or NULL. */
static json_t *add(Core *core, const json_t *statement, const json_t *payload)
{
	json_t *lease = json_pack("{s:O, s:O, s:O, s:O, s:O, s:O, s:s, s:i, s:s}", "statement", statement,
		"id", json_object_get(payload, "id"), "medium", json_object_get(payload, "medium"), "grant",
		json_object_get(payload, "grant"), "from", json_object_get(payload, "from"), "until",
		json_object_get(payload, "until"), "box", "", "tries", 0, "over", "");
	json_t *before = lease ? lease_find(core, lease_text(lease, "medium")) : NULL;

	if (!lease || !is_signed(core, lease) ||
		(!before && json_array_size(core->leases->list) >= LEASES_MAX)) {
		json_decref(lease);
		return NULL;
	}
	if (before) {
		/* The same lease keeps its box, and has ended if it has. */
		if (!sk_str_eq(lease_text(before, "id"), lease_text(lease, "id"))) {
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
		sk_str_eq(lease_text(payload, "medium"), taking->medium))
		lease = add(taking->core, statement, payload);
	if (lease && (*lease_text(lease, "over") || leases_store(taking->core) < 0))
		lease = NULL;
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
	json_t *lease = lease_find(core, medium);

	if (!lease || *lease_text(lease, "over") || size == 0 || size > SK_LEASE_BOX_MAX)
		return SK_LEASE_NONE;
	sk_base64_format(box, size, text);
	json_object_set_new(lease, "box", json_string(text));
	json_object_set_new(lease, "tries", json_integer(0));
	(void)leases_store(core);
	record_write(core, &(Record){.kind = "lease.sealed",
				   .body = json_pack("{s:s, s:o}", "lease", lease_text(lease, "id"), "medium",
					   record_text(medium))});
	return SK_REASON_NONE;
}

json_t *leases_to_json(const Core *core)
{
	json_t *list = json_array(), *lease;
	size_t i;

	json_array_foreach (core->leases->list, i, lease) {
		if (!*lease_text(lease, "over"))
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:I, s:b}", "id", lease_text(lease, "id"),
					      "medium", lease_text(lease, "medium"), "until",
					      (json_int_t)lease_time(lease, "until"), "sealed",
					      *lease_text(lease, "box") != 0));
	}
	return list;
}
