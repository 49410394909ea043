/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is closed after writing, while the medium is open: who it was, and what is in it now. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "agent/core/core.h"
#include "agent/core/follow_inside.h"
#include "agent/core/gates.h"
#include "agent/core/peer_scanner.h"
#include "agent/core/records.h"
#include "agent/core/trust.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

/* Times of files on exfat have steps of 10 ms: what is read sooner after a change could change again unseen.
 */
#define SETTLE_USEC 30000
/* Nobody has closed anything for so long: who copies many files has the processor, and the stick, for that;
 * but nothing waits longer than this. */
#define QUIET_USEC 1500000
#define PATIENCE_USEC 10000000
/* Nor does it wait when so many do. */
#define WAITING_MANY (SK_GATE_TAKEN_MAX / 2)
/* Enough that no worker idles. Those that wait hold their descriptors (SK_GATE_TAKEN_MAX); the walk at the
 * end reads what is too much. */
#define JOBS_SENT_MAX 8
#define OPENERS_MAX 100000

/* A file that was written to and is to be read. */
struct FollowJob {
	FollowJob *prev, *next;
	SkGateEvent *event;
	uint64_t number; /* of manifest_written() */
	uint64_t closed_usec;
	bool sent;
	int64_t sent_nsec;
	uid_t uid;
	UT_hash_handle hh; /* by the number of the file, as long as it waits */
	char path[];
};

/* Who opened a file last: when it is closed, the process may be gone. */
struct Opener {
	uint64_t ino;
	uid_t uid;
	UT_hash_handle hh;
};

static int64_t now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static uint64_t now_usec(const Follow *follow)
{
	uint64_t now = 0;

	sd_event_now(follow->core->event, CLOCK_MONOTONIC, &now);
	return now;
}

static void job_free(Follow *follow, FollowJob *job)
{
	if (job->sent) {
		DL_DELETE(follow->sent, job);
		follow->n_sent--;
	} else {
		DL_DELETE(follow->jobs, job);
		HASH_DEL(follow->jobs_by_ino, job);
	}
	sk_gate_answer(follow->volume->gate, job->event, true);
	free(job);
}

void follow_drop_jobs(Follow *follow)
{
	FollowJob *job, *next;

	DL_FOREACH_SAFE(follow->sent, job, next)
	{
		job_free(follow, job);
	}
	DL_FOREACH_SAFE(follow->jobs, job, next)
	{
		job_free(follow, job);
	}
	follow->timer = sd_event_source_disable_unref(follow->timer);
}

static void send_job(Follow *follow, FollowJob *job)
{
	const Volume *volume = follow->volume;
	SkScanFile message = {.volume = volume->id,
		.file = job->event->file,
		.refuse_types = volume->decision.media.refuse_types,
		.scan = volume->decision.media.scan ? SK_SCAN_AND_HASH : SK_SCAN_HASH,
		.later = 1};

	sk_head_init(&message.head, SK_SCAN_FILE, sizeof(message));
	message.head.cookie = FOLLOW_FILE | job->number;
	DL_DELETE(follow->jobs, job);
	HASH_DEL(follow->jobs_by_ino, job);
	DL_APPEND(follow->sent, job);
	follow->n_sent++;
	job->sent = true;
	sk_gate_lease(volume->gate, job->event);
	job->sent_nsec = now_nsec();
	peer_send(&follow->core->scanner, &message, &job->event->fd, 1);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata);

/* When the first that waits is to be read: while somebody writes, that is done only with what waits for long.
 */
static uint64_t due_of(const Follow *follow)
{
	uint64_t settled = follow->jobs->closed_usec + SETTLE_USEC, quiet = follow->written_usec + QUIET_USEC,
		 late = follow->jobs->closed_usec + PATIENCE_USEC;

	if (quiet > late)
		quiet = late;
	if (HASH_COUNT(follow->jobs_by_ino) >= WAITING_MANY)
		return settled;
	return quiet > settled ? quiet : settled;
}

/* Sends what has settled, in the order in which it was closed, and says when to look again. */
void follow_send_jobs(Follow *follow)
{
	uint64_t now = now_usec(follow);

	if (!follow->jobs || follow->n_sent >= JOBS_SENT_MAX)
		return;
	if (scanner_ensure(follow->core) < 0 || !follow->core->scanner.chan)
		return;
	while (follow->jobs && follow->n_sent < JOBS_SENT_MAX && due_of(follow) <= now) {
		send_job(follow, follow->jobs);
		if (!follow->core->scanner.chan)
			return;
	}
	if (!follow->jobs || follow->n_sent >= JOBS_SENT_MAX)
		return;
	if (!follow->timer && sd_event_add_time(follow->core->event, &follow->timer, CLOCK_MONOTONIC,
				      due_of(follow), 0, on_due, follow) < 0)
		return;
	sd_event_source_set_time(follow->timer, due_of(follow));
	sd_event_source_set_enabled(follow->timer, SD_EVENT_ONESHOT);
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	follow_send_jobs(userdata);
	return 0;
}

/* Where the file is now, from the root of the medium; "" when it has no name any more. */
static void read_path(const Volume *volume, int fd, char path[PATH_MAX])
{
	size_t root = strlen(volume->path);
	char link[64], full[PATH_MAX];
	ssize_t n;

	path[0] = 0;
	sk_str_format(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, full, sizeof(full) - 1);
	full[n > 0 ? n : 0] = 0;
	if (strncmp(full, volume->path, root) == 0 && full[root] == '/' &&
		sk_slip_path_check(full + root + 1))
		sk_str_copy(path, PATH_MAX, full + root + 1);
}

static uid_t find_user(Follow *follow, const SkGateEvent *event)
{
	Opener *opener;
	uid_t uid = (uid_t)-1;

	HASH_FIND(hh, follow->openers, &event->file.ino, sizeof(event->file.ino), opener);
	if (opener)
		uid = opener->uid;
	else
		uid = event->uid;
	return uid;
}

static void note_opener(Follow *follow, const SkFileId *file, uid_t uid)
{
	Opener *opener;

	if (uid == (uid_t)-1)
		return;
	HASH_FIND(hh, follow->openers, &file->ino, sizeof(file->ino), opener);
	if (!opener) {
		if (HASH_COUNT(follow->openers) >= OPENERS_MAX || !(opener = calloc(1, sizeof(*opener))))
			return;
		opener->ino = file->ino;
		HASH_ADD(hh, follow->openers, ino, sizeof(opener->ino), opener);
	}
	opener->uid = uid;
}

/* Its opens may be unseen from now on, so who opened it last is not known any more. */
static void forget_opener(Follow *follow, uint64_t ino)
{
	Opener *opener;

	HASH_FIND(hh, follow->openers, &ino, sizeof(ino), opener);
	if (!opener)
		return;
	HASH_DEL(follow->openers, opener);
	free(opener);
}

/* One that waits to be read and was written to again is read only once. */
static void drop_same(Follow *follow, uint64_t ino)
{
	FollowJob *job;

	HASH_FIND(hh, follow->jobs_by_ino, &ino, sizeof(ino), job);
	if (job)
		job_free(follow, job);
}

static bool add_job(Follow *follow, SkGateEvent *event, const ManifestWritten *written, uint64_t number)
{
	size_t size = strlen(written->path) + 1;
	FollowJob *job = number ? calloc(1, sizeof(*job) + size) : NULL;

	if (!job || !sk_gate_take(follow->volume->gate, event)) {
		free(job);
		return false;
	}
	job->event = event;
	job->number = number;
	job->uid = written->uid;
	job->closed_usec = follow->written_usec = now_usec(follow);
	memcpy(job->path, written->path, size);
	DL_APPEND(follow->jobs, job);
	HASH_ADD_KEYPTR(hh, follow->jobs_by_ino, &event->file.ino, sizeof(event->file.ino), job);
	return true;
}

static void on_opened(void *userdata, const SkFileId *file, uid_t uid)
{
	const Volume *volume = userdata;

	if (volume->follow)
		note_opener(volume->follow, file, uid);
}

static void on_written(void *userdata, SkGate *gate, SkGateEvent *event)
{
	Volume *volume = userdata;
	Follow *follow = volume->follow;
	char path[PATH_MAX];

	if (!follow || !S_ISREG(event->mode) || follow->phase > FOLLOW_SETTLING) {
		sk_gate_answer(gate, event, true);
		return;
	}
	read_path(volume, event->fd, path);
	const ManifestWritten written = {
		.file = event->file, .path = path, .at = record_now_ms(), .uid = find_user(follow, event)};
	uint64_t number = manifest_written(follow->manifest, &written);

	slip_store_note(follow->core, follow->session, &written, NULL);
	drop_same(follow, event->file.ino);
	if (follow->phase != FOLLOW_OPEN || !add_job(follow, event, &written, number))
		sk_gate_answer(gate, event, true);
	follow_send_jobs(follow);
}

void follow_watch(Volume *volume, bool open)
{
	sk_gate_watch(volume->gate, on_written, open ? on_opened : NULL);
}

/* The walk that looks at everything after the opening was there before. A file that somebody may write to at
 * this moment is looked at again. */
static bool is_known(Volume *volume, SkGateEvent *event)
{
	const Follow *follow = volume->follow;
	SkFileId now;
	mode_t mode;

	if (follow->definitions != follow->core->definitions_version ||
		!manifest_is_clean(follow->manifest, &event->file))
		return false;
	sk_gate_lease(volume->gate, event);
	/* Who wrote between the event and the lease has changed its time. */
	event->judged = event->leased && sk_gate_file_id(event->fd, &now, &mode) == 0 &&
			memcmp(&now, &event->file, sizeof(now)) == 0;
	return event->judged;
}

int follow_judge(Volume *volume, SkGateEvent *event)
{
	Follow *follow = volume->follow;

	if (!follow || follow->inspected)
		return 0;
	/* Nobody opens anything any more, but the scanner (which may be so new that it is not known yet), and
	 * media, which makes the files of the slip. */
	if (follow->phase > FOLLOW_UNMOUNTING) {
		return (event->uid == 0 && follow->phase == FOLLOW_STORING && event->file.size == 0) ||
				       trust_is_scanner(event->uid)
			       ? 1
			       : -1;
	}
	note_opener(follow, &event->file, event->uid);
	return event->file.size == 0 /* there is nothing in it */ || is_known(volume, event);
}

static FollowJob *find_sent(const Follow *follow, uint64_t number)
{
	FollowJob *job;

	DL_FOREACH (follow->sent, job) {
		if (job->number == number)
			return job;
	}
	return NULL;
}

/* The answer to a job: believed when nothing wrote to the file since, and what wrote before is long enough
 * ago. */
void follow_take_file(Follow *follow, const SkScanResult *result)
{
	ManifestContent content = follow_content(result);
	FollowJob *job = find_sent(follow, result->head.cookie & ~FOLLOW_FILE);

	if (!job)
		return;
	const SkFileId file = job->event->file;

	if (content.hashed && file.ctime_nsec + FOLLOW_SETTLE_NSEC <= job->sent_nsec &&
		manifest_read(follow->manifest, &file, job->number, &content)) {
		const ManifestWritten written = {
			.file = file, .path = job->path, .at = record_now_ms(), .uid = job->uid};

		slip_store_note(follow->core, follow->session, &written, &content);
		job->event->judged = content.verdict == SK_SLIP_CLEAN;
		forget_opener(follow, file.ino);
	}
	if (result->verdict == SK_VERDICT_INFECTED)
		gates_tell_found(follow->core, follow->volume, result, job->path, job->uid);
	job_free(follow, job);
	follow_send_jobs(follow);
}

/* What it was reading is read at the end. */
void follow_scanner_lost(Core *core, Volume *volume)
{
	FollowJob *job, *next;

	if (!volume->follow)
		return;
	DL_FOREACH_SAFE(volume->follow->sent, job, next)
	{
		job_free(volume->follow, job);
	}
}

void follow_forget_openers(Follow *follow)
{
	Opener *opener, *next;

	HASH_ITER (hh, follow->openers, opener, next) {
		HASH_DEL(follow->openers, opener);
		free(opener);
	}
}
