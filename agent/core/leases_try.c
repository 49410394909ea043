/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases, when somebody wants to open a medium by one. */
#include <string.h>

#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/grants.h"
#include "agent/core/leases_inner.h"
#include "agent/core/records.h"
#include "agent/core/seal.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/crypt/secret.h"

#define TRIES_MAX 10

void lease_fill(const json_t *object, Lease *lease)
{
	uint8_t box[SK_BASE64_SIZE(SK_LEASE_BOX_MAX)];
	const char *text = lease_text(object, "box");

	*lease = (Lease){.from = lease_time(object, "from"), .until = lease_time(object, "until")};
	sk_str_copy(lease->id, sizeof(lease->id), lease_text(object, "id"));
	sk_str_copy(lease->medium, sizeof(lease->medium), lease_text(object, "medium"));
	if (*text && strlen(text) < sizeof(box) &&
		sk_base64_parse(text, strlen(text), box, &lease->box_size) == 0 &&
		lease->box_size <= sizeof(lease->box))
		memcpy(lease->box, box, lease->box_size);
	else
		lease->box_size = 0;
}

static SkReason why_not(const json_t *lease, const SkStrictTime *now)
{
	int64_t from = lease_time(lease, "from"), until = lease_time(lease, "until");
	const char *over = lease_text(lease, "over");

	if (sk_str_eq(over, "guesses"))
		return SK_LEASE_GUESSED;
	if (sk_str_eq(over, "time"))
		return SK_LEASE_TIME_OVER;
	if (!lease || *over)
		return SK_LEASE_NONE;
	if (sk_strict_time_is_doubtful(now, from, until))
		return SK_CLOCK_SET;
	if (sk_strict_time_judge(now, from, until) != SK_STRICT_WITHIN)
		return SK_LEASE_TIME_OVER;
	return *lease_text(lease, "box") ? SK_REASON_NONE : SK_LEASE_NONE;
}

/* Counted on the disk before anything is tried. */
static SkReason count_try(Core *core, json_t *lease)
{
	int64_t tries = lease_time(lease, "tries");

	if (tries >= TRIES_MAX)
		lease_end(core, lease, "guesses");
	else
		json_object_set_new(lease, "tries", json_integer(tries + 1));
	if (leases_store(core) < 0)
		return SK_RECORDS_FAIL;
	return tries >= TRIES_MAX ? SK_LEASE_GUESSED : SK_REASON_NONE;
}

static SkReason unseal(Core *core, const json_t *object, const SkStrictTime *now, Lease *lease)
{
	const SkLease about = {.id = lease_text(object, "id"),
		.medium = lease_text(object, "medium"),
		.terminal = console_terminal(core),
		.from = lease_time(object, "from"),
		.until = lease_time(object, "until")};
	own_secret SkSecret *content = NULL;

	lease_fill(object, lease);
	if (seal_lease_open(core, &about, (SkLeaseTime){now->earliest, now->latest},
		    (SkLeaseBox){lease->box, lease->box_size}, &content) < 0)
		return SK_LEASE_NONE;
	lease->box_size = sk_secret_size(content);
	memcpy(lease->box, sk_secret_data(content), lease->box_size);
	return SK_REASON_NONE;
}

SkReason leases_try(Core *core, const char *medium, Lease *ret_lease)
{
	SkStrictTime now = grants_time(core);
	json_t *lease;
	SkReason code;

	leases_look(core);
	lease = lease_find(core, medium);
	code = why_not(lease, &now);
	if (code == SK_REASON_NONE && seal_is_away(core))
		code = SK_SEAL_KEY_AWAY;
	if (code == SK_REASON_NONE)
		code = count_try(core, lease);
	if (code == SK_REASON_NONE)
		code = unseal(core, lease, &now, ret_lease);
	record_write(
		core, &(Record){.kind = "lease.tried",
			      .code = code,
			      .body = json_pack("{s:s, s:o, s:I}", "lease", lease_text(lease, "id"), "medium",
				      record_text(medium), "tries", (json_int_t)lease_time(lease, "tries"))});
	return code;
}

void leases_opened(Core *core, const char *medium)
{
	json_t *lease = lease_find(core, medium);

	if (lease_time(lease, "tries") == 0)
		return;
	json_object_set_new(lease, "tries", json_integer(0));
	(void)leases_store(core);
}

void leases_rekeyed(Core *core, const char *medium)
{
	json_t *lease = core->leases ? lease_find(core, medium) : NULL;

	if (!lease || *lease_text(lease, "over"))
		return;
	lease_end(core, lease, "passphrase");
	(void)leases_store(core);
}
