/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/follow.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/follow_inside.h"
#include "agent/core/gates.h"
#include "agent/core/grants.h"
#include "agent/core/mounting.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/records.h"
#include "agent/core/slip_make.h"
#include "agent/core/trust.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/ipc/memfd.h"

ManifestContent follow_content(const SkScanResult *result)
{
	static const SkSlipVerdict verdicts[SK_VERDICT_MAX_] = {[SK_VERDICT_NONE] = SK_SLIP_UNCHECKED,
		[SK_VERDICT_CLEAN] = SK_SLIP_CLEAN,
		[SK_VERDICT_INFECTED] = SK_SLIP_INFECTED,
		[SK_VERDICT_TYPE] = SK_SLIP_REFUSED,
		[SK_VERDICT_LIMIT] = SK_SLIP_UNCHECKED,
		[SK_VERDICT_ERROR] = SK_SLIP_UNCHECKED};
	static const uint8_t none[SK_SHA256_SIZE];
	ManifestContent content = {.verdict = verdicts[result->verdict]};

	memcpy(content.sha256, result->sha256, sizeof(content.sha256));
	content.hashed = memcmp(content.sha256, none, sizeof(none)) != 0;
	sk_utf8_escape(content.finding, sizeof(content.finding), result->finding, strlen(result->finding));
	return content;
}

/* Of the walk that checks everything after the opening: nobody wrote to it since before that. */
static void learn(Follow *follow, const SkScanResult *result)
{
	ManifestContent content = follow_content(result);

	if (!follow->definitions)
		follow->definitions = follow->core->definitions_version;
	if (content.hashed && result->file.ctime_nsec + FOLLOW_SETTLE_NSEC <= follow->slip.opened * 1000000)
		manifest_read(follow->manifest, &result->file, 0, &content);
}

static void take_listed(Follow *follow, const SkScanResult *result)
{
	ManifestContent content = follow_content(result);
	int r;

	if (sk_slip_is_own(result->path) || !sk_slip_path_check(result->path))
		return;
	if (follow->phase == FOLLOW_LISTING) {
		r = manifest_add_base(follow->manifest, result->path, &result->file);
		if (r == 0)
			r = slip_store_base(follow->core, follow->session, result->path, &result->file);
	} else {
		r = manifest_add_final(follow->manifest, result->path, &result->file,
			result->verdict == SK_VERDICT_NONE ? NULL : &content);
		follow->unread |= result->verdict != SK_VERDICT_NONE && !content.hashed;
		follow->infected += result->verdict == SK_VERDICT_INFECTED;
	}
	follow->overflow |= r < 0;
}

bool follow_result(Core *core, Volume *volume, const SkScanResult *result)
{
	Follow *follow = volume->follow;

	if (result->head.cookie & FOLLOW_WALK) {
		if (follow && follow->walking)
			take_listed(follow, result);
		/* What it finds at the end is told like what it finds at the beginning. */
		return result->verdict == SK_VERDICT_NONE || !follow;
	}
	if (result->head.cookie & FOLLOW_FILE && !result->path[0]) {
		if (follow)
			follow_take_file(follow, result);
		return true;
	}
	if (follow && result->path[0] && follow->phase <= FOLLOW_OPEN)
		learn(follow, result);
	return false;
}

bool follow_walk_done(Core *core, Volume *volume, const SkScanWalkDone *done)
{
	Follow *follow = volume->follow;

	if (!(done->head.cookie & FOLLOW_WALK))
		return false;
	if (!follow || !follow->walking)
		return true;
	/* Somebody wanted nothing more of this medium; but its end is still to be seen. */
	if (done->result == -ECANCELED) {
		follow_walk(follow);
		return true;
	}
	follow->walking = false;
	follow_listed(follow, done);
	return true;
}

static int known_fd(const Follow *follow)
{
	own_free SkFileId *files = NULL;
	size_t n = 0;
	int r = manifest_known(follow->manifest, &files, &n);

	return r < 0 ? r : sk_memfd_new(files, n * sizeof(*files));
}

void follow_walk(Follow *follow)
{
	const Volume *volume = follow->volume;
	own_fd int known = follow->phase == FOLLOW_READING ? known_fd(follow) : -1;
	SkScanWalk message = {.volume = volume->id,
		.refuse_types = volume->decision.media.refuse_types,
		.scan = volume->decision.media.scan ? SK_SCAN_AND_HASH : SK_SCAN_HASH,
		.list = follow->phase != FOLLOW_READING};

	if (follow->phase == FOLLOW_LISTING)
		manifest_clear_base(follow->manifest);
	else
		manifest_clear_final(follow->manifest);
	follow->unread = false;
	follow->walking = true;
	if (!follow->core->scanner.chan) {
		scanner_ensure(follow->core); /* connecting sends it */
		return;
	}
	sk_head_init(&message.head, SK_SCAN_WALK, sizeof(message));
	message.head.cookie = FOLLOW_WALK;
	peer_send(
		&follow->core->scanner, &message, (const int[]){volume->root_fd, known}, known >= 0 ? 2 : 1);
}

void follow_scanner_connected(Core *core, Volume *volume)
{
	if (volume->follow && volume->follow->walking)
		follow_walk(volume->follow);
	else if (volume->follow)
		follow_send_jobs(volume->follow);
}

bool follow_is_busy(const Volume *volume)
{
	return volume->follow && (volume->follow->walking || volume->follow->jobs || volume->follow->sent);
}

/* What is certain before anything is written. */
static void fill_slip(Core *core, const Volume *volume, const char *kind, SkSlip *slip)
{
	const GrantAsk ask = {.medium = volume->medium,
		.user = core->session.user,
		.mode = volume->writable ? "read-write" : "read"};
	const json_t *grant = NULL;

	grants_find(core, &ask, &grant);
	slip_head(core, grant, kind, slip);
	slip->opened = record_now_ms();
	sk_str_copy(slip->medium, sizeof(slip->medium), volume->medium);
	sk_str_copy(slip->uuid, sizeof(slip->uuid), volume->facts->luks.uuid);
}

static Follow *follow_new(Core *core, Volume *volume)
{
	Follow *follow = calloc(1, sizeof(*follow));

	if (!follow || !(follow->manifest = manifest_new())) {
		free(follow);
		return NULL;
	}
	follow->core = core;
	follow->volume = volume;
	volume->follow = follow;
	return follow;
}

int follow_begin(Core *core, Volume *volume, FollowReady ready)
{
	Follow *follow = follow_new(core, volume);

	if (!follow)
		return -ENOMEM;
	follow->ready = ready;
	fill_slip(core, volume, SK_SLIP_CARRY_OUT, &follow->slip);
	follow->session = slip_store_begin(core, volume->id, &follow->slip);
	if (follow->session < 0) {
		follow_forget(volume);
		return -EIO;
	}
	follow_watch(volume, true);
	follow_walk(follow);
	return 0;
}

void follow_inspect(Core *core, const char *sysname, FollowInspected done, void *userdata)
{
	Volume *volume = volumes_find(core, sysname);
	Follow *follow;

	if (!volume || volume->state != VOLUME_MOUNTED || !volume->medium[0] || volume->writable ||
		volume->follow) {
		done(userdata, volume && volume->follow ? SK_MEDIUM_BUSY : SK_MEDIUM_NOT_FOR_INSPECTION, "");
		return;
	}
	follow = follow_new(core, volume);
	if (!follow) {
		done(userdata, SK_DEVICE_NOT_CHECKED, "");
		return;
	}
	follow->inspected = done;
	follow->userdata = userdata;
	follow->phase = FOLLOW_READING;
	fill_slip(core, volume, SK_SLIP_RETURN, &follow->slip);
	follow->session = slip_store_begin(core, volume->id, &follow->slip);
	follow_walk(follow);
}

void follow_forget(Volume *volume)
{
	Follow *follow = own_take(volume->follow);
	if (!follow)
		return;
	follow_drop_jobs(follow);
	follow_forget_openers(follow);
	manifest_free(follow->manifest);
	free(follow->envelope);
	free(follow->content);
	free(follow);
}

static void ignore_eject(void *userdata, int result, const char *detail)
{
}

static void go_on(Core *core, Volume *volume, const SlipSession *session)
{
	Follow *follow;

	/* Nothing could be written yet: it begins anew. */
	if (session->phase == SLIP_SESSION_LISTING) {
		slip_store_end(core, session->session, NULL);
		follow_begin(core, volume, NULL);
		return;
	}
	follow = follow_new(core, volume);
	if (!follow)
		return;
	follow->slip = session->head;
	follow->session = session->session;
	follow->phase = FOLLOW_OPEN;
	slip_store_load(core, session->session, follow->manifest);
	/* What was told to the other one and not noted is not known. */
	manifest_doubt(follow->manifest);
	follow_watch(volume, true);
	if (session->phase == SLIP_SESSION_CLOSING)
		mounting_eject(core, volume->sysname, "sekishod", ignore_eject, NULL);
	else
		media_writable(core, volume, media_ignore_answer);
}

/* Its medium is gone: what was noted is all that can be said. */
static void tell_orphan(Core *core, const SlipSession *session)
{
	Volume nowhere = {.core = core, .root_fd = -1};
	Follow *follow;

	if (session->phase == SLIP_SESSION_LISTING) {
		slip_store_end(
			core, session->session, NULL); /* nothing was written, or it was only inspected */
		return;
	}
	follow = follow_new(core, &nowhere);
	if (!follow)
		return;
	follow->slip = session->head;
	follow->session = session->session;
	follow->phase = FOLLOW_OPEN;
	slip_store_load(core, session->session, follow->manifest);
	/* A disc that was being burned when this PC went dark. */
	if (slip_store_is_spent(core, session->head.grant)) {
		record_write(core,
			&(Record){.kind = "medium.not-handed-over",
				.code = SK_DISC_SPOILED,
				.body = json_pack("{s:s, s:o, s:s}", "medium", session->head.medium, "number",
					record_text(session->head.number), "grant", session->head.grant)});
		follow_cut(core, &nowhere, "spoiled");
		return;
	}
	follow_cut(core, &nowhere, "cut");
}

void follow_adopt(Core *core)
{
	SlipSession session;
	int64_t after = 0;

	while (slip_store_next(core, after, &session) == 1) {
		Volume *volume = session.this_boot ? volumes_find_id(core, session.volume) : NULL;

		after = session.session;
		if (volume && volume->state == VOLUME_MOUNTED && volume->writable && !volume->follow)
			go_on(core, volume, &session);
		else
			tell_orphan(core, &session);
	}
}
