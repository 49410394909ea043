/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/rekeying.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/carry.h"
#include "agent/core/carry_plan.h"
#include "agent/core/core.h"
#include "agent/core/disk.h"
#include "agent/core/grants.h"
#include "agent/core/leases.h"
#include "agent/core/media_keys.h"
#include "agent/core/peer_media.h"
#include "agent/core/records.h"
#include "agent/core/volume_record.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

struct Rekeying {
	int secret_fd, passphrase_fd;
	SkLuksChange change;
	RekeyingDone done;
	void *userdata;
};

static void rekeying_free(Rekeying *rekeying)
{
	if (rekeying->secret_fd >= 0)
		close(rekeying->secret_fd);
	if (rekeying->passphrase_fd >= 0)
		close(rekeying->passphrase_fd);
	free(rekeying);
}
OWN_DEFINE(Rekeying, rekeying_free)

static void finish(Core *core, Volume *volume, SkReason code, const char *detail)
{
	static const char *const kinds[] = {"passphrase", "passphrase and recovery key", "recovery key"};
	own_(rekeying_freep) Rekeying *rekeying = own_take(volume->rekeying);

	if (!rekeying)
		return;
	if (code == SK_MEDIUM_REKEYED)
		leases_rekeyed(core, rekeying->change.wanted.medium);
	record_write(
		core, &(Record){.kind = code == SK_MEDIUM_REKEYED ? "medium.rekeyed" : "medium.not-rekeyed",
			      .code = code,
			      .body = json_pack("{s:s, s:o, s:s, s:o}", "volume", volume->sysname, "medium",
				      record_text(rekeying->change.wanted.medium), "how",
				      kinds[rekeying->change.how], "detail", record_text(detail))});
	if (volume->state == VOLUME_REKEYING)
		carry_look_again(core, volume);
	rekeying->done(rekeying->userdata, code, detail);
}

static void fail(Core *core, Volume *volume, SkReason code, const char *detail)
{
	char shown[256];

	sk_utf8_escape(shown, sizeof(shown), detail, strlen(detail));
	finish(core, volume, code, shown);
}

/* What is on the medium is changed, whatever the console says of it. */
static void on_told(Core *core, const char *subject, SkReason code)
{
	Volume *volume = volumes_find(core, subject);
	char text[SK_REASON_CODE_SIZE] = "";

	if (!volume || !volume->rekeying)
		return;
	if (code != SK_REASON_NONE)
		sk_reason_format_code(text, code);
	finish(core, volume, SK_MEDIUM_REKEYED, text);
}

static void tell_console(Core *core, Volume *volume, const SkLuksMade *made)
{
	json_auto_t *body = carry_plan_facts(&volume->rekeying->change.plan, made);

	if (!body || media_key_escrow(core, body, volume->sysname, on_told) < 0)
		on_told(core, volume->sysname, SK_CONSOLE_NEEDED);
}

static void on_rekeyed(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkMediaRekeyed *rekeyed = (const SkMediaRekeyed *)message;
	Volume *volume = volumes_find(core, subject);

	if (!volume || !volume->rekeying)
		return;
	if (!rekeyed || rekeyed->head.type != SK_MEDIA_REKEYED)
		fail(core, volume, SK_MEDIUM_NOT_REKEYED, "the media worker ended");
	else if (rekeyed->code)
		fail(core, volume, sk_reason_or(rekeyed->code, SK_MEDIUM_NOT_REKEYED), rekeyed->detail);
	else if (rekeyed->made.box_size > 0)
		tell_console(core, volume, &rekeyed->made);
	else
		finish(core, volume, SK_MEDIUM_REKEYED, "");
}

static void on_opened(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const char *error = disk_error(message, n_fds);
	Volume *volume = volumes_find(core, subject);
	SkMediaRekey rekey = {.volume = 0};

	if (!volume || !volume->rekeying)
		return;
	if (*error) {
		fail(core, volume, SK_MEDIUM_NOT_REKEYED, error);
		return;
	}
	rekey.volume = volume->id;
	rekey.change = volume->rekeying->change;
	media_rekey(core, volume->sysname, &rekey,
		(const int[]){fds[0], volume->rekeying->secret_fd, volume->rekeying->passphrase_fd},
		on_rekeyed);
}

/* The grant for writing has what a new recovery slot needs. */
static SkReason fill_plan(Core *core, SkLuksChange *change)
{
	const GrantAsk ask = {.medium = change->wanted.medium,
		.user = core->session.present ? core->session.user : "",
		.mode = "read-write"};
	const json_t *grant = NULL;
	SkReason code = grants_find(core, &ask, &grant);

	if (code != SK_REASON_NONE)
		return code;
	carry_plan_derivation(core, &change->plan);
	sk_str_copy(change->plan.medium, sizeof(change->plan.medium), change->wanted.medium);
	if (change->how == SK_LUKS_REKEY_PASSPHRASE)
		return SK_REASON_NONE;
	/* Mode, organisation and label stay those of the header; the message must have some. */
	change->plan.mode = SK_LUKS_MODE_BOUND;
	sk_str_copy(change->plan.organisation, sizeof(change->plan.organisation),
		json_string_value(json_object_get(grant, "facility")));
	return carry_plan_recovery(grant, &change->plan) ? SK_REASON_NONE : SK_RECOVERY_KEY_MISSING;
}

static void begin(Core *core, Volume *volume, Rekeying *rekeying)
{
	volume->rekeying = rekeying;
	volume->state = VOLUME_REKEYING;
	volume->code = SK_MEDIUM_REKEYING;
	/* One that has no end on record was cut: the console may lack its new recovery key. */
	record_volume(core, volume, "medium.rekeying", SK_MEDIUM_REKEYING, NULL);
	disk_open(core, volume, on_opened);
}

static SkReason start(Core *core, const RekeyingOrder *order)
{
	Volume *volume = volumes_find(core, order->volume);
	own_(rekeying_freep) Rekeying *rekeying = calloc(1, sizeof(*rekeying));
	SkReason code;

	if (!rekeying)
		return SK_MEDIUM_NOT_REKEYED;
	*rekeying = (Rekeying){.secret_fd = -1,
		.passphrase_fd = -1,
		.change.how = order->how,
		.done = order->done,
		.userdata = order->userdata};
	code = carry_may_open(core, volume, true, &rekeying->change.wanted);
	if (code == SK_REASON_NONE)
		code = fill_plan(core, &rekeying->change);
	if (code != SK_REASON_NONE)
		return code;
	rekeying->secret_fd = fcntl(order->secret_fd, F_DUPFD_CLOEXEC, 3);
	rekeying->passphrase_fd = fcntl(order->passphrase_fd, F_DUPFD_CLOEXEC, 3);
	if (rekeying->secret_fd < 0 || rekeying->passphrase_fd < 0)
		return SK_MEDIUM_NOT_REKEYED;
	begin(core, volume, own_take(rekeying));
	return SK_REASON_NONE;
}

void rekeying_start(Core *core, const RekeyingOrder *order)
{
	SkReason code = start(core, order);

	if (code != SK_REASON_NONE)
		order->done(order->userdata, code, "");
}

void rekeying_forget(Core *core, Volume *volume)
{
	if (!volume->rekeying)
		return;
	volume->state = VOLUME_NEW;
	finish(core, volume, SK_MEDIUM_PULLED, "");
}
