/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/erasing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/carry.h"
#include "agent/core/carry_judge.h"
#include "agent/core/console.h"
#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/disk.h"
#include "agent/core/grants.h"
#include "agent/core/json_text.h"
#include "agent/core/peer_media.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "agent/core/slip_key.h"
#include "agent/core/volume_record.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/slip/erasure.h"

/* In the certificate; sekishoctl knows these two. */
#define METHOD "one pass of zeros, read back whole"
#define METHOD_DISCARDED "discarded; one pass of zeros, read back whole"

struct Erasing {
	SkErasure erasure; /* what is known before it is done */
	ErasingDone done;
	void *userdata;
};

static void finish(Core *core, Volume *volume, SkReason code, const char *detail)
{
	own_free Erasing *erasing = own_take(volume->erasing);
	const SkErasure *erasure;
	bool verified; /* whether or not it could be told */

	if (!erasing)
		return;
	erasure = &erasing->erasure;
	verified = sk_str_eq(erasure->result, SK_ERASURE_RESULT_VERIFIED);
	record_write(core, &(Record){.kind = verified ? "medium.erased" : "medium.not-erased",
				   .code = code,
				   .body = json_pack("{s:s, s:o, s:o, s:s, s:I, s:I, s:I, s:o}", "volume",
					   volume->sysname, "medium", record_text(erasure->medium), "number",
					   record_text(erasure->number), "grant", erasure->grant, "size",
					   (json_int_t)erasure->size, "written", (json_int_t)erasure->written,
					   "compared", (json_int_t)erasure->compared, "detail",
					   record_text(erasure->reason[0] ? erasure->reason : detail))});
	if (volume->state == VOLUME_ERASING)
		carry_look_again(core, volume);
	erasing->done(erasing->userdata, code, detail);
}

static void fail(Core *core, Volume *volume, SkReason code, const char *detail)
{
	char shown[256];

	sk_utf8_escape(shown, sizeof(shown), detail, strlen(detail));
	finish(core, volume, code, shown);
}

/* On the disk when it returns 0, and on its way. */
static int tell_console(Core *core, const SkErasure *erasure)
{
	json_auto_t *certificate = NULL, *body = NULL;
	own_free char *envelope = NULL;
	int r = sk_erasure_sign(erasure, slip_key_signer(core), &envelope);

	if (r < 0)
		return r;
	certificate = json_loads(envelope, 0, NULL);
	body = json_pack("{s:O}", "certificate", certificate);
	return body ? uplink_call(core, &(UplinkRequest){.operation = "medium.erased",
						.body = body,
						.flag = SK_UPLINK_CALL_SPOOL})
		    : -ENOMEM;
}

static void fill_result(SkErasure *erasure, const SkMediaErased *erased)
{
	erasure->ended = record_now_ms();
	if (erasure->ended < erasure->begun) /* the clock was set */
		erasure->ended = erasure->begun;
	erasure->size = erased->size;
	erasure->written = erased->written;
	erasure->compared = erased->compared;
	sk_str_copy(erasure->method, sizeof(erasure->method), erased->discarded ? METHOD_DISCARDED : METHOD);
	sk_str_copy(erasure->result, sizeof(erasure->result),
		erased->code ? SK_ERASURE_RESULT_FAILED : SK_ERASURE_RESULT_VERIFIED);
	sk_utf8_escape(erasure->reason, sizeof(erasure->reason), erased->detail, strlen(erased->detail));
}

static void certify(Core *core, Volume *volume, const SkMediaErased *erased)
{
	SkErasure *erasure = &volume->erasing->erasure;
	own_free char *text = NULL;
	json_auto_t *object = NULL;

	fill_result(erasure, erased);
	object = sk_erasure_to_json(erasure);
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	if (!text || tell_console(core, erasure) < 0)
		fail(core, volume, SK_CONSOLE_SPOOL_FULL, erased->detail);
	else
		finish(core, volume, erased->code ? SK_ERASURE_FAILED : SK_ERASURE_MADE, text);
}

static void on_erased(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkMediaErased *erased = (const SkMediaErased *)message;
	Volume *volume = volumes_find(core, subject);

	if (!volume || !volume->erasing)
		return;
	if (!erased || erased->head.type != SK_MEDIA_ERASED)
		fail(core, volume, SK_ERASURE_CUT, "the media worker ended");
	else if (erased->code == 0 || erased->code == SK_ERASURE_FAILED)
		certify(core, volume, erased);
	else
		fail(core, volume, sk_reason_or(erased->code, SK_ERASURE_CUT), erased->detail);
}

static void on_opened(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const char *error = disk_error(message, n_fds);
	Volume *volume = volumes_find(core, subject);
	SkMediaErase erase = {.volume = 0};

	if (!volume || !volume->erasing)
		return;
	if (*error) {
		fail(core, volume, SK_DEVICE_NOT_CHECKED, error);
		return;
	}
	erase.volume = volume->id;
	memcpy(erase.medium, volume->erasing->erasure.medium, sizeof(erase.medium));
	memcpy(erase.uuid, volume->erasing->erasure.uuid, sizeof(erase.uuid));
	media_erase(core, volume->sysname, &erase, fds[0], on_erased);
}

/* One whose erasure was begun says which it was; all others by their header. "": neither. */
static const char *claimed_medium(const Volume *volume)
{
	if (!volume->facts || volume->facts->state != SK_BLOCK_FACTS_OK)
		return "";
	if (volume->facts->content == SK_CONTENT_ERASED)
		return volume->facts->label;
	return carry_is_ours(volume) ? carry_medium(volume) : "";
}

static SkReason find_grant(Core *core, const Volume *volume, const json_t **ret_grant)
{
	const GrantAsk ask = {.medium = claimed_medium(volume),
		.user = core->session.present ? core->session.user : "",
		.mode = "erase"};
	SkLuksWanted wanted = {.digest_size = 0};
	SkReason code = *ask.medium ? grants_find(core, &ask, ret_grant) : SK_ERASURE_NOT_OF_THIS;
	bool same;

	if (code != SK_REASON_NONE)
		return code;
	if (!carry_read_identity(*ret_grant, &wanted))
		return json_object_get(*ret_grant, "counter") ? SK_CONSOLE_NEEDED : SK_MEDIUM_NOT_THE_ONE;
	same = volume->facts->content == SK_CONTENT_ERASED ? sk_str_eq(volume->facts->uuid, wanted.uuid)
							   : carry_is_the_one(&volume->facts->luks, &wanted);
	return same ? SK_REASON_NONE : SK_MEDIUM_NOT_THE_ONE;
}

static SkReason why_not(Core *core, const Volume *volume, const json_t **ret_grant)
{
	SkReason code = disk_why_not(core, volume);

	if (code == SK_MEDIUM_UNKNOWN_CONTENT)
		return SK_ERASURE_NOT_OF_THIS;
	if (code == SK_REASON_NONE)
		code = find_grant(core, volume, ret_grant);
	if (code != SK_REASON_NONE)
		return code;
	/* Which of the two is the copy nobody knows: one is pulled out, and then it is the other. */
	if (volume->code == SK_MEDIUM_TWICE)
		return SK_MEDIUM_TWICE;
	return slip_key_signer(core) ? SK_REASON_NONE : SK_CONSOLE_NEEDED;
}

static void format_device(const Core *core, const Volume *volume, char *text, size_t size)
{
	const Device *device = devices_find(core, volume->usb);
	char raw[3 * SK_USB_STRING_SIZE + 16] = "";

	if (device && device->facts)
		sk_str_format(raw, sizeof(raw), "%s %s, serial %s", device->facts->manufacturer,
			device->facts->product, device->facts->serial);
	sk_utf8_escape(text, size, raw, strlen(raw));
}

static void fill_erasure(Core *core, const Volume *volume, const json_t *grant, SkErasure *erasure)
{
	erasure->begun = record_now_ms();
	erasure->size = volume->size;
	sk_str_copy(erasure->medium, sizeof(erasure->medium), text_of(grant, "medium"));
	sk_str_copy(erasure->number, sizeof(erasure->number), text_of(grant, "number"));
	sk_str_copy(erasure->label, sizeof(erasure->label), text_of(grant, "label"));
	sk_str_copy(erasure->uuid, sizeof(erasure->uuid), text_of(grant, "uuid"));
	sk_str_copy(erasure->grant, sizeof(erasure->grant), text_of(grant, "id"));
	sk_str_copy(erasure->terminal, sizeof(erasure->terminal), console_terminal(core));
	sk_str_copy(erasure->organisation, sizeof(erasure->organisation),
		text_of(core->console->trust.bundle, "organisation"));
	sk_str_copy(erasure->user, sizeof(erasure->user), core->session.present ? core->session.user : "");
	disk_format_hash(core, volume, erasure->device_hash);
	format_device(core, volume, erasure->device, sizeof(erasure->device));
}

static void begin(Core *core, Volume *volume, Erasing *erasing)
{
	disk_close_all(core, volume);
	volume->erasing = erasing;
	volume->state = VOLUME_ERASING;
	volume->code = SK_ERASURE_RUNS;
	disk_begin_step(volume, SK_MEDIA_STEP_DESTROY);
	/* One that has no end on record was cut. */
	record_volume(core, volume, "medium.erasing", SK_ERASURE_RUNS, NULL);
	disk_open(core, volume, on_opened);
}

void erasing_start(Core *core, const ErasingOrder *order)
{
	Volume *volume = volumes_find(core, order->volume);
	const json_t *grant = NULL;
	SkReason code = why_not(core, volume, &grant);
	Erasing *erasing;

	if (code == SK_REASON_NONE && !sk_str_eq(order->confirm, text_of(grant, "number")) &&
		!sk_str_eq(order->confirm, text_of(grant, "medium")))
		code = SK_ERASURE_UNCONFIRMED;
	if (code != SK_REASON_NONE) {
		order->done(order->userdata, code,
			code == SK_ERASURE_UNCONFIRMED ? text_of(grant, "number") : "");
		return;
	}
	erasing = calloc(1, sizeof(*erasing));
	if (!erasing) {
		order->done(order->userdata, SK_MEDIUM_BUSY, "");
		return;
	}
	erasing->done = order->done;
	erasing->userdata = order->userdata;
	fill_erasure(core, volume, grant, &erasing->erasure);
	begin(core, volume, erasing);
}

void erasing_forget(Core *core, Volume *volume)
{
	if (!volume->erasing)
		return;
	volume->state = VOLUME_NEW;
	finish(core, volume, SK_ERASURE_CUT, "");
}
