/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/gates.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/core.h"
#include "agent/core/follow_inside.h"
#include "agent/core/mounts.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/records.h"
#include "agent/core/retired.h"
#include "agent/core/trust.h"
#include "agent/core/volume_record.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

/* Loading definitions takes up to a minute on a small PC; the scanner itself ends a file after its own
 * budget. */
#define SCAN_SLACK_USEC (90 * 1000000ULL)
/* A file is asked for again when the scanner died over another one; the second death is counted as its own.
 */
#define ATTEMPTS_MAX 2
/* Findings kept for the record of each volume. */
#define REFUSED_MAX 100000

struct PendingScan {
	SkFileId file;
	SkGateEvent *event; /* the first that waits; lives until the verdict */
	unsigned attempts;
	uid_t uid;
	char path[PATH_MAX];
	UT_hash_handle hh;
};

struct RefusedFile {
	SkFileId file;
	SkReason code;
	bool recorded;
	char finding[SK_FINDING_SIZE];
	UT_hash_handle hh;
};

static SkReason reason_of(const SkScanResult *result, uint32_t refuse_types)
{
	static const struct {
		uint32_t type;
		SkReason code;
	} types[] = {
		{SK_TYPE_PROGRAM, SK_FILE_PROGRAM},
		{SK_TYPE_SCRIPT, SK_FILE_SCRIPT},
		{SK_TYPE_MACRO_DOCUMENT, SK_FILE_MACRO},
		{SK_TYPE_ENCRYPTED_ARCHIVE, SK_FILE_ENCRYPTED_ARCHIVE},
	};

	if (result->verdict == SK_VERDICT_INFECTED)
		return SK_FILE_INFECTED;
	if (result->verdict == SK_VERDICT_LIMIT)
		return SK_FILE_OVER_LIMIT;
	for (size_t i = 0; result->verdict == SK_VERDICT_TYPE && i < SK_ARRAY_SIZE(types); i++)
		if (result->type & refuse_types & types[i].type)
			return types[i].code;
	return SK_FILE_NOT_CHECKED;
}

/* The path below the mount point, as people see it. */
static void read_path(const Volume *volume, int fd, char *path, size_t size)
{
	char link[64];
	ssize_t n;

	sk_str_format(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, size - 1);
	path[n > 0 ? n : 0] = 0;
}

static void record_refused(
	Core *core, const Volume *volume, const RefusedFile *refused, const char *path, uid_t uid)
{
	char shown[2 * PATH_MAX], finding[4 * SK_FINDING_SIZE], actor[32] = "sekisho-scanner";

	sk_utf8_escape(shown, sizeof(shown), path, strlen(path));
	sk_utf8_escape(finding, sizeof(finding), refused->finding, strlen(refused->finding));
	if (uid != (uid_t)-1)
		sk_str_format(actor, sizeof(actor), "user:%u", (unsigned)uid);
	record_write(core, &(Record){.kind = uid == (uid_t)-1 ? "file.found" : "file.refused",
				   .actor = actor,
				   .code = refused->code,
				   .body = json_pack("{s:s, s:s, s:s, s:s}", "volume", volume->sysname,
					   "medium", volume->path, "file", shown, "finding", finding)});
}

void gates_tell_found(
	Core *core, const Volume *volume, const SkScanResult *result, const char *path, uid_t uid)
{
	RefusedFile found = {.file = result->file, .code = SK_FILE_INFECTED};

	sk_str_copy(found.finding, sizeof(found.finding), result->finding);
	record_refused(core, volume, &found, path, uid);
}

static RefusedFile *remember_refused(Volume *volume, const SkFileId *file, SkReason code, const char *finding)
{
	RefusedFile *refused;

	HASH_FIND(hh, volume->refused, file, sizeof(*file), refused);
	if (refused)
		return refused;
	if (HASH_COUNT(volume->refused) >= REFUSED_MAX || !(refused = calloc(1, sizeof(*refused))))
		return NULL;
	refused->file = *file;
	refused->code = code;
	sk_str_copy(refused->finding, sizeof(refused->finding), finding);
	HASH_ADD(hh, volume->refused, file, sizeof(refused->file), refused);
	volume->n_refused++;
	return refused;
}

/* A file known to be refused was opened: each file is recorded once, however often a program tries. */
static void opened_refused(Core *core, Volume *volume, const SkGateEvent *event)
{
	char path[PATH_MAX];
	RefusedFile *refused;
	uid_t uid = 0;

	HASH_FIND(hh, volume->refused, &event->file, sizeof(event->file), refused);
	if (!refused || refused->recorded)
		return;
	refused->recorded = true;
	read_path(volume, event->fd, path, sizeof(path));
	if (event->uid != (uid_t)-1)
		uid = event->uid;
	record_refused(core, volume, refused, path, uid);
}

static int on_scan_timeout(sd_event_source *source, uint64_t usec, void *userdata);

/* Progress counts, not the single file: the timer starts again with each result. */
static void arm_timer(Core *core, Volume *volume)
{
	uint64_t limit = core->settings->scan.file_time_sec * 1000000ULL + SCAN_SLACK_USEC;

	if (!volume->scan_timer && sd_event_add_time_relative(core->event, &volume->scan_timer,
					   CLOCK_MONOTONIC, limit, 0, on_scan_timeout, volume) < 0)
		return;
	sd_event_source_set_time_relative(volume->scan_timer, limit);
	sd_event_source_set_enabled(volume->scan_timer, volume->pending ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int send_file(Core *core, const Volume *volume, PendingScan *pending)
{
	SkScanFile message = {
		.volume = volume->id,
		.file = pending->file,
		.refuse_types = volume->decision.media.refuse_types,
		.scan = volume->decision.media.scan,
	};

	pending->attempts++;
	sk_head_init(&message.head, SK_SCAN_FILE, sizeof(message));
	message.head.cookie = pending->file.ino & (FOLLOW_FILE - 1);
	return peer_send(&core->scanner, &message, &pending->event->fd, 1);
}

static void pending_free(Volume *volume, PendingScan *pending)
{
	HASH_DEL(volume->pending, pending);
	free(pending);
}

/* Nobody can say what is in it: not opened, not remembered, asked again at the next open. */
static void settle_unknown(Core *core, Volume *volume, PendingScan *pending, const char *why)
{
	const RefusedFile refused = {.file = pending->file, .code = SK_FILE_NOT_CHECKED};
	RefusedFile told = refused;

	sk_str_copy(told.finding, sizeof(told.finding), why);
	record_refused(core, volume, &told, pending->path, pending->uid);
	sk_gate_table_settle(volume->table, &pending->file, SK_GATE_DENY);
	pending_free(volume, pending);
}

static int on_scan_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	Volume *volume = userdata;

	/* The scanner does not move at all: systemd's watchdog restarts it, and its loss settles what waits.
	 */
	peer_drop(&volume->core->scanner);
	arm_timer(volume->core, volume);
	return 0;
}

static void ask_scanner(Core *core, Volume *volume, SkGateEvent *event)
{
	PendingScan *pending = calloc(1, sizeof(*pending));

	if (!pending) {
		sk_gate_table_settle(volume->table, &event->file, SK_GATE_DENY);
		return;
	}
	pending->file = event->file;
	pending->event = event;
	pending->uid = event->uid != (uid_t)-1 ? event->uid : 0;
	read_path(volume, event->fd, pending->path, sizeof(pending->path));
	sk_gate_lease(volume->gate, event);
	HASH_ADD(hh, volume->pending, file, sizeof(pending->file), pending);
	if (scanner_ensure(core) < 0) {
		settle_unknown(core, volume, pending, "the scanner cannot be reached");
		return;
	}
	/* A connection that was just made has sent it already (gates_scanner_connected). */
	if (pending->attempts == 0)
		send_file(core, volume, pending);
	arm_timer(core, volume);
}

static void on_open(void *userdata, SkGate *gate, SkGateEvent *event)
{
	Volume *volume = userdata;
	Core *core = volume->core;
	bool first = false;

	if (!S_ISREG(event->mode)) {
		sk_gate_answer(gate, event, true); /* directories, and what nodev and noexec keep harmless */
		return;
	}
	int judged = follow_judge(volume, event);

	if (judged != 0) {
		sk_gate_answer(gate, event, judged > 0);
		return;
	}
	if (sk_gate_table_lookup(volume->table, &event->file) == SK_GATE_DENY)
		opened_refused(core, volume, event);
	event->judged = !volume->writable;
	if (sk_gate_table_admit(volume->table, event, &first) == SK_GATE_UNKNOWN && first)
		ask_scanner(core, volume, event);
}

static int on_gate_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Volume *volume = userdata;
	int r = sk_gate_dispatch(volume->gate);

	/* A gate that cannot be read would hang everybody: the volume goes instead. */
	if (r < 0)
		volume_refuse(volume->core, volume, SK_MEDIUM_NO_GATE, strerror(-r));
	return r < 0 ? sd_event_source_set_enabled(source, SD_EVENT_OFF) : 0;
}

void gates_keep(Volume *volume)
{
	sk_gate_keep(volume->gate, volume->writable ? SK_GATE_KEEP_LEASED : SK_GATE_KEEP_MARKED);
}

void gates_forget_all(Core *core)
{
	for (Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->gate)
			sk_gate_forget(volume->gate);
}

static int on_post(sd_event_source *source, void *userdata)
{
	sk_gate_flush(((Volume *)userdata)->gate);
	return 0;
}

/* What is left to do when nothing else is. */
static int gather(Core *core, Volume *volume)
{
	int r = sd_event_add_post(core->event, &volume->gate_post, on_post, volume);

	if (r >= 0)
		r = sd_event_source_set_priority(volume->gate_post, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		sk_gate_gather(volume->gate);
	return r;
}

int gates_open(Core *core, Volume *volume, int group_fd, bool inherited)
{
	int r;

	if (!inherited)
		mounts_store_fds(volume, group_fd);
	volume->gate = sk_gate_new(group_fd, on_open, volume);
	if (!volume->gate)
		return -ENOMEM;
	volume->table = sk_gate_table_new(volume->gate, 0);
	if (!volume->table)
		return -ENOMEM;
	trust_apply(core, volume->gate);
	if (inherited) {
		r = sk_gate_deny_outstanding(volume->gate);
		if (r < 0)
			return r;
	}
	r = sk_gate_start(volume->gate);
	if (r < 0)
		return r;
	gates_keep(volume);
	r = gather(core, volume);
	if (r < 0)
		return r;
	return sd_event_add_io(
		core->event, &volume->gate_io, sk_gate_fd(volume->gate), EPOLLIN, on_gate_io, volume);
}

static void forget_files(Volume *volume)
{
	PendingScan *pending, *next_pending;
	RefusedFile *refused, *next_refused;

	HASH_ITER (hh, volume->pending, pending, next_pending)
		pending_free(volume, pending);
	HASH_ITER (hh, volume->refused, refused, next_refused) {
		HASH_DEL(volume->refused, refused);
		free(refused);
	}
	volume->scan_timer = sd_event_source_disable_unref(volume->scan_timer);
	volume->table = sk_gate_table_free(volume->table);
}

void gates_close(Core *core, Volume *volume)
{
	scanner_cancel(core, volume->id);
	forget_files(volume);
	volume->gate_io = sd_event_source_disable_unref(volume->gate_io);
	volume->gate_post = sd_event_source_disable_unref(volume->gate_post);
	if (volume->gate)
		retired_add(core, own_take(volume->gate));
	mounts_unstore_fds(volume);
}

void gates_leave(Volume *volume)
{
	forget_files(volume);
	volume->gate_io = sd_event_source_disable_unref(volume->gate_io);
	volume->gate_post = sd_event_source_disable_unref(volume->gate_post);
	volume->gate = sk_gate_free(volume->gate);
}

void gates_walk(Core *core, Volume *volume)
{
	SkScanWalk message = {
		.volume = volume->id,
		.refuse_types = volume->decision.media.refuse_types,
		.scan = volume->decision.media.scan,
	};

	volume->walking = true;
	volume->walked = false;
	volume->files = volume->n_remembered = 0;
	if (!core->scanner.chan) {
		scanner_ensure(core); /* connecting sends it: see below */
		return;
	}
	sk_head_init(&message.head, SK_SCAN_WALK, sizeof(message));
	peer_send(&core->scanner, &message, &volume->root_fd, 1);
}

static SkGateVerdict gate_verdict(const SkScanResult *result)
{
	return result->verdict == SK_VERDICT_CLEAN ? SK_GATE_ALLOW : SK_GATE_DENY;
}

void gates_result(Core *core, const SkScanResult *result)
{
	Volume *volume = volumes_find_id(core, result->volume);
	PendingScan *pending;
	RefusedFile *refused = NULL;

	if (!volume || !volume->table || follow_result(core, volume, result))
		return; /* pulled out meanwhile, or nothing that anybody waits for */
	volume->n_remembered += result->remembered != 0;
	volume->files +=
		volume->walking && result->path[0]; /* so far; the end of the walk tells it exactly */
	HASH_FIND(hh, volume->pending, &result->file, sizeof(result->file), pending);
	if (result->verdict == SK_VERDICT_ERROR) {
		if (pending)
			settle_unknown(core, volume, pending, result->finding);
		arm_timer(core, volume);
		return;
	}
	if (result->verdict != SK_VERDICT_CLEAN) {
		refused = remember_refused(volume, &result->file,
			reason_of(result, volume->decision.media.refuse_types), result->finding);
		/* Malware is told when it is found, the rest when somebody wants it. */
		if (refused && !refused->recorded && (pending || result->verdict == SK_VERDICT_INFECTED)) {
			refused->recorded = pending != NULL;
			record_refused(core, volume, refused, pending ? pending->path : result->path,
				pending ? pending->uid : (uid_t)-1);
		}
	}
	if (pending) {
		pending->event->judged = true;
		pending_free(volume, pending);
	}
	/* What can be written to may be another file by the next open, under the same time and size. */
	if (volume->writable)
		sk_gate_table_settle(volume->table, &result->file, gate_verdict(result));
	else
		sk_gate_table_resolve(volume->table, &result->file, gate_verdict(result));
	arm_timer(core, volume);
}

void gates_walk_done(Core *core, const SkScanWalkDone *done)
{
	Volume *volume = volumes_find_id(core, done->volume);

	if (!volume || follow_walk_done(core, volume, done) || !volume->walking)
		return;
	volume->walking = false;
	volume->walked = done->result == 0;
	volume->files = done->files;
	volume->bytes = done->bytes;
	volume->n_unread = done->passed_over;
	record_volume(core, volume, "medium.scanned",
		done->result < 0	? SK_FILE_NOT_CHECKED
		: done->passed_over > 0 ? SK_MEDIUM_SCANNED_IN_PART
					: SK_MEDIUM_SCANNED,
		NULL);
}

void gates_scanner_connected(Core *core)
{
	for (Volume *volume = core->volumes; volume && core->scanner.chan; volume = volume->hh.next) {
		PendingScan *pending, *next;

		HASH_ITER (hh, volume->pending, pending, next)
			send_file(core, volume, pending);
		if (volume->walking && core->scanner.chan)
			gates_walk(core, volume);
		if (core->scanner.chan)
			follow_scanner_connected(core, volume);
	}
}

/* What a person waits for is asked again once: another file may have been what killed the scanner. */
void gates_scanner_lost(Core *core)
{
	bool again = false;

	for (Volume *volume = core->volumes; volume; volume = volume->hh.next) {
		PendingScan *pending, *next;

		HASH_ITER (hh, volume->pending, pending, next)
			if (pending->attempts >= ATTEMPTS_MAX)
				settle_unknown(
					core, volume, pending, "the scanner stopped while it looked at it");
		follow_scanner_lost(core, volume);
		again |= volume->pending || volume->walking || follow_is_busy(volume) ||
			 volume->state == VOLUME_WAITING;
	}
	if (again)
		scanner_retry(core);
}

bool gates_are_busy(const Core *core)
{
	for (const Volume *volume = core->volumes; volume; volume = volume->hh.next)
		if (volume->pending || volume->walking || follow_is_busy(volume))
			return true;
	return false;
}
