/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/core.h"
#include "agent/core/follow_inside.h"
#include "agent/core/gates.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/records.h"
#include "agent/core/slip_key.h"
#include "agent/core/slip_make.h"
#include "agent/core/volume_record.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

/* A medium that goes on changing though nobody may write to it is closed, and its slip says so. */
#define ATTEMPTS_MAX 3

/* The texts that are being made. */
typedef struct Making {
	Follow *follow;
	FILE *lines, *sums;
	uint64_t files, bytes;
} Making;

static void name_user(const Core *core, uid_t uid, char *name, size_t size)
{
	if (uid == (uid_t)-1)
		name[0] = 0;
	else if (core->session.present && uid == core->session.uid)
		sk_str_copy(name, size, core->session.user);
	else if (uid == 0)
		sk_str_copy(name, size, "root");
	else
		sk_str_format(name, size, "uid %u", (unsigned)uid);
}

static int make_line(void *userdata, const SkSlipFile *file, uid_t uid)
{
	Making *making = userdata;
	SkSlipFile named = *file;

	/* What came back is compared by the console. */
	if (making->follow->inspected)
		named.change = SK_SLIP_SAME;
	own_free char *line = NULL, *sum = NULL;
	int r;

	name_user(making->follow->core, uid, named.user, sizeof(named.user));
	r = sk_slip_line_format(&named, &line);
	if (r < 0)
		return r;
	fputs(line, making->lines);
	if (file->change == SK_SLIP_DELETED)
		return 0;
	making->files++;
	making->bytes += file->size;
	if (!file->hashed)
		return 0;
	r = sk_slip_sum_format(file, &sum);
	if (r == 0)
		fputs(sum, making->sums);
	return r;
}

/* What was made last is what is stored; sums: the caller frees it. */
static int make_texts(Follow *follow, bool partial, char **ret_sums, size_t *ret_sums_size)
{
	Making making = {.follow = follow};
	own_free char *lines = NULL;
	size_t size = 0;
	int r = -ENOMEM;

	making.lines = open_memstream(&lines, &size);
	making.sums = open_memstream(ret_sums, ret_sums_size);
	if (making.lines && making.sums)
		r = manifest_make(follow->manifest, partial, make_line, &making);
	if (making.lines && fclose(making.lines) != 0 && r == 0)
		r = -ENOMEM;
	if (making.sums && fclose(making.sums) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	free(follow->content);
	follow->content = own_take(lines);
	follow->content_size = size;
	follow->slip.files = making.files;
	follow->slip.bytes = making.bytes;
	slip_set_part(&follow->slip.manifest, follow->content, size);
	slip_set_part(&follow->slip.sums, *ret_sums, *ret_sums_size);
	return 0;
}

static int sign(Follow *follow, bool partial, const char *reason, char **ret_sums, size_t *ret_sums_size)
{
	const SkDsseSigner *signer = slip_key_signer(follow->core);
	int r = make_texts(follow, partial, ret_sums, ret_sums_size);

	if (r < 0)
		return r;
	follow->slip.serial = slip_store_serial(follow->core);
	follow->slip.closed = record_now_ms();
	follow->slip.complete = !*reason;
	sk_str_copy(follow->slip.reason, sizeof(follow->slip.reason), reason);
	free(own_take(follow->envelope));
	/* A medium that was opened under a code that was read out, on a PC that has never reached its
	 * console. */
	return signer ? sk_slip_sign(&follow->slip, signer, &follow->envelope) : -ENOKEY;
}

int follow_sign(Follow *follow, bool partial, const char *reason)
{
	own_free char *sums = NULL;
	size_t size = 0;

	return sign(follow, partial, reason, &sums, &size);
}

static void record_manifest(Follow *follow, const char *medium)
{
	const SkSlip *slip = &follow->slip;
	char hex[SK_SHA256_HEX_SIZE];

	sk_hex_format(hex, slip->manifest.sha256, sizeof(slip->manifest.sha256));
	record_write(follow->core,
		&(Record){.kind = "medium.manifest",
			.code = slip->complete ? SK_MEDIUM_MANIFEST_MADE : SK_MEDIUM_MANIFEST_PARTIAL,
			.body = json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s}", "medium", slip->medium,
				"volume", medium, "serial", (json_int_t)slip->serial, "files",
				(json_int_t)slip->files, "bytes", (json_int_t)slip->bytes, "digest", hex,
				"reason", slip->reason)});
}

/* The session is over; the console hears of it. */
static void end_session(Follow *follow)
{
	const SlipOut out = {.serial = follow->slip.serial,
		.envelope = follow->envelope,
		.content = follow->content,
		.size = follow->content_size};

	record_manifest(follow, follow->volume->sysname);
	if (slip_store_end(follow->core, follow->session, follow->envelope ? &out : NULL) < 0)
		record_write(
			follow->core, &(Record){.kind = "medium.manifest-lost",
					      .code = SK_SLIP_NOT_STORED,
					      .body = json_pack("{s:s}", "medium", follow->slip.medium)});
	slip_store_send(follow->core);
}

static void tell_done(Follow *follow, int result, const char *detail)
{
	UnmountDone done = follow->done;
	const Volume *volume = follow->volume;

	follow->done = NULL;
	if (done)
		done(follow->core, volume->sysname, result, detail, follow->userdata);
}

/* The last step: whoever waits forgets the mount, and with it what is here. */
static void finish(Follow *follow)
{
	end_session(follow);
	tell_done(follow, 0, "");
}

static void on_stored(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)message;
	Volume *volume = volumes_find(core, subject);
	Follow *follow = volume ? volume->follow : NULL;

	if (!follow || follow->phase != FOLLOW_STORING)
		return;
	if (!answer || answer->result < 0) {
		record_volume(core, volume, "medium.slip-not-stored", SK_SLIP_NOT_STORED, NULL);
		finish(follow);
		return;
	}
	if (!follow->slip.complete) {
		finish(follow);
		return;
	}
	follow->phase = FOLLOW_LOOKING;
	manifest_keep_final(follow->manifest);
	follow_walk(follow);
}

static int store(Follow *follow, char *sums, size_t sums_size)
{
	const SlipTexts texts = {.envelope = follow->envelope,
		.lines = follow->content,
		.lines_size = follow->content_size,
		.sums = sums,
		.sums_size = sums_size};
	int fds[3], r = slip_memfds(follow->core, &texts, fds);

	if (r < 0)
		return r;
	follow->phase = FOLLOW_STORING;
	media_store(follow->core, follow->volume, follow->slip.serial, fds, on_stored);
	for (size_t i = 0; i < SK_ARRAY_SIZE(fds); i++)
		close(fds[i]);
	return 0;
}

static void make_slip(Follow *follow, const char *reason)
{
	own_free char *sums = NULL;
	size_t size = 0;
	int r = sign(follow, false, reason, &sums, &size);

	if (r == 0)
		r = store(follow, sums, size);
	if (r == 0)
		return;
	record_volume(follow->core, follow->volume, "medium.slip-not-stored", SK_SLIP_NOT_STORED, NULL);
	finish(follow);
}

static void on_thawed(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)message;
	Volume *volume = volumes_find(core, subject);
	Follow *follow = volume ? volume->follow : NULL;
	FollowReady ready;

	if (!follow || follow->phase != FOLLOW_THAWING)
		return;
	if (answer && answer->result == 0)
		follow->phase = FOLLOW_OPEN;
	ready = follow->ready;
	follow->ready = NULL;
	if (ready)
		ready(core, volume, answer ? answer->result : -ECONNRESET);
}

/* All that was there is known: now it may change. */
static void thaw(Follow *follow, int result)
{
	FollowReady ready = follow->ready;

	if (result == 0)
		result = slip_store_phase(follow->core, follow->session, SLIP_SESSION_OPEN);
	if (result == 0) {
		follow->phase = FOLLOW_THAWING;
		follow->slip.opened = record_now_ms();
		media_writable(follow->core, follow->volume, on_thawed);
		return;
	}
	follow->ready = NULL;
	if (ready)
		ready(follow->core, follow->volume, result);
}

/* The list of what came back is signed as it is; nothing is written to the medium. */
static void end_inspection(Follow *follow, const char *reason)
{
	Volume *volume = follow->volume;
	FollowInspected done = follow->inspected;
	void *userdata = follow->userdata;
	char detail[128];
	bool made = follow_sign(follow, false, reason) == 0;

	sk_str_format(detail, sizeof(detail), "%s: %llu, %u", follow->slip.number,
		(unsigned long long)follow->slip.files, follow->infected);
	end_session(follow);
	follow_forget(volume);
	done(userdata,
		!made	  ? SK_DEVICE_NOT_CHECKED
		: *reason ? SK_MEDIUM_SCANNED_IN_PART
			  : SK_INSPECTION_MADE,
		detail);
}

void follow_listed(Follow *follow, const SkScanWalkDone *done)
{
	bool unread = follow->unread || follow->overflow || done->result < 0 || done->passed_over > 0;

	if (follow->inspected) {
		end_inspection(follow, unread ? "unread" : "");
	} else if (follow->phase == FOLLOW_LISTING) {
		thaw(follow, done->result);
	} else if (follow->phase == FOLLOW_READING) {
		make_slip(follow, unread ? "unread" : "");
	} else if (follow->phase == FOLLOW_LOOKING && !unread && manifest_is_as_kept(follow->manifest)) {
		finish(follow);
	} else if (follow->phase == FOLLOW_LOOKING && ++follow->attempts < ATTEMPTS_MAX) {
		follow->phase = FOLLOW_READING;
		follow_walk(follow);
	} else if (follow->phase == FOLLOW_LOOKING) {
		make_slip(follow, "changed");
	}
}

static void on_settled(void *userdata)
{
	const Volume *volume = userdata;
	Follow *follow = volume->follow;

	if (!follow || follow->phase != FOLLOW_SETTLING)
		return;
	follow->phase = FOLLOW_READING;
	follow_walk(follow);
}

static void on_unmounted(Core *core, const char *subject, int result, const char *detail, void *userdata)
{
	Volume *volume = volumes_find(core, subject);
	Follow *follow = volume ? volume->follow : NULL;

	/* It was cut off meanwhile, and who waits knows. */
	if (!follow || follow->phase != FOLLOW_UNMOUNTING)
		return;
	if (result < 0) {
		follow->phase = FOLLOW_OPEN;
		gates_keep(volume);
		follow_watch(volume, true);
		tell_done(follow, result, detail);
		return;
	}
	follow->phase = FOLLOW_SETTLING;
	slip_store_phase(core, follow->session, SLIP_SESSION_CLOSING);
	sk_gate_sync(volume->gate, on_settled, volume);
}

/* No file of it is open here any more, which would have kept it mounted. */
static void on_let_go(void *userdata)
{
	Volume *volume = userdata;

	if (volume->follow && volume->follow->phase == FOLLOW_UNMOUNTING)
		media_unmount(volume->core, volume->id, volume->path, on_unmounted, NULL);
}

void follow_close(Core *core, Volume *volume, UnmountDone done, void *userdata)
{
	Follow *follow = volume->follow;

	if (follow->inspected) {
		follow_cut(core, volume, "cut");
		scanner_cancel(core, volume->id);
		media_unmount(core, volume->id, volume->path, done, userdata);
		return;
	}
	if (follow->phase != FOLLOW_OPEN) {
		done(core, volume->sysname, -EALREADY, "", userdata);
		return;
	}
	scanner_cancel(core, volume->id);
	follow_drop_jobs(follow);
	follow->phase = FOLLOW_UNMOUNTING;
	follow->attempts = 0;
	follow->done = done;
	follow->userdata = userdata;
	follow_watch(volume, false);
	sk_gate_keep(volume->gate, SK_GATE_KEEP_NONE);
	sk_gate_sync(volume->gate, on_let_go, volume);
}

void follow_cut(Core *core, Volume *volume, const char *reason)
{
	Follow *follow = volume->follow;
	FollowReady ready;

	if (!follow)
		return;
	ready = follow->ready;
	if (follow->inspected)
		follow->inspected(follow->userdata, SK_MEDIUM_PULLED, "");
	if (follow->phase < FOLLOW_OPEN || follow->inspected) {
		slip_store_end(core, follow->session, NULL);
	} else {
		follow_drop_jobs(follow);
		if (follow_sign(follow, true, reason) < 0)
			free(own_take(follow->envelope));
		end_session(follow);
	}
	tell_done(follow, -ENODEV, "");
	follow_forget(volume);
	if (ready)
		ready(core, volume, -ECANCELED);
}
