/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/audit/clock.h"
#include "lib/audit/writer.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

static int take_lock(int dir_fd)
{
	if (flock(dir_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

static void free_audit(SkAudit *audit)
{
	int fds[] = {audit->head_fd, audit->segment_fd, audit->dir_fd};

	sk_ratchet_free(audit->ratchet);
	for (size_t i = 0; i < SK_ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(audit->pending);
	free(audit->start_key_path);
	free(audit);
}

static int set_options(SkAudit *audit, const SkAuditOptions *options)
{
	if (options)
		audit->options = *options;
	if (audit->options.segment_size == 0)
		audit->options.segment_size = SK_SEGMENT_SIZE;
	if (audit->options.seal_every == 0)
		audit->options.seal_every = SK_AUDIT_SEAL_EVERY;
	if (audit->options.seal_every > SK_AUDIT_QUEUE_MAX)
		audit->options.seal_every = SK_AUDIT_QUEUE_MAX;
	if (!audit->options.now) {
		audit->options.now = sk_audit_clock_now;
		audit->options.userdata = audit->boot;
	}
	audit->start_key_path =
		strdup(audit->options.start_key_path ? audit->options.start_key_path : SK_AUDIT_START_KEY);
	audit->options.start_key_path = NULL;
	return audit->start_key_path ? sk_audit_clock_boot(audit->boot) : -ENOMEM;
}

int sk_audit_open(const char *directory, const SkAuditOptions *options, SkAudit **ret_audit)
{
	SkAudit *audit = calloc(1, sizeof(*audit));
	int r;

	if (!audit)
		return -ENOMEM;
	audit->segment_fd = -1;
	audit->head_fd = -1;
	audit->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = audit->dir_fd < 0 ? -errno : take_lock(audit->dir_fd);
	if (r == 0)
		r = set_options(audit, options);
	if (r == 0)
		r = sk_audit_recover(audit);
	if (r < 0) {
		free_audit(audit);
		return r;
	}
	audit->reserve_opened = sk_audit_restore_reserve(audit) < 0;
	*ret_audit = audit;
	return 0;
}

int sk_audit_close(SkAudit *audit)
{
	int r;

	if (!audit)
		return 0;
	r = sk_audit_sync(audit);
	if (r == 0)
		r = sk_audit_seal(audit);
	free_audit(audit);
	return r;
}

static int make_room(SkAudit *audit)
{
	size_t room = audit->pending_room ? audit->pending_room : SK_AUDIT_LINE_MAX;
	char *grown;

	while (room < audit->pending_size + SK_AUDIT_LINE_MAX)
		room *= 2;
	if (room == audit->pending_room)
		return 0;
	grown = realloc(audit->pending, room);
	if (!grown)
		return -ENOMEM;
	audit->pending = grown;
	audit->pending_room = room;
	return 0;
}

/* actor and body as JSON. The line is looked at with the eyes of the verifier before it counts. */
static int queue_line(SkAudit *audit, const char *kind, const char *actor, const char *body)
{
	SkLineFields fields = {.seq = audit->queued.seq + 1,
		.prev = audit->queued.hash,
		.actor = actor,
		.kind = kind,
		.body = body};
	SkAuditRecord record;
	char *line;
	int size, r = make_room(audit);

	if (r < 0)
		return r;
	audit->options.now(audit->options.userdata, &fields.time);
	line = audit->pending + audit->pending_size;
	size = sk_line_format(line, SK_AUDIT_LINE_MAX - 1, &fields);
	if (size < 0)
		return size;
	if (sk_line_parse(line, (size_t)size, &record) < 0)
		return -EINVAL;
	if (sk_str_eq(kind, SK_KIND_SEAL)) {
		r = sk_seal_fill(line, (size_t)size, audit->ratchet);
		if (r < 0)
			return r;
	}
	sk_line_hash(audit->queued.hash, line, (size_t)size);
	line[size] = '\n';
	audit->pending_size += (size_t)size + 1;
	audit->queued.seq = fields.seq;
	audit->queue_count++;
	return 0;
}

int sk_audit_queue_own(SkAudit *audit, const char *kind, const char *body)
{
	return queue_line(audit, kind, "\"" SK_AUDIT_ACTOR "\"", body);
}

static bool kind_is_good(const char *kind)
{
	size_t size = strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-.");

	return size > 0 && !kind[size] && size < SK_AUDIT_KIND_MAX && strchr(kind, '.') && kind[0] != '.' &&
	       kind[size - 1] != '.' && !strstr(kind, "..") && !sk_str_starts(kind, "audit.");
}

int sk_audit_queue(SkAudit *audit, const char *kind, const char *actor, const json_t *body, uint64_t *ret_seq)
{
	own_free char *actor_text = NULL, *body_text = NULL;
	json_t *actor_json;
	int r;

	if (audit->failed < 0)
		return audit->failed;
	if (!kind_is_good(kind) || strlen(actor) >= SK_AUDIT_ACTOR_MAX || !json_is_object(body))
		return -EINVAL;
	if (audit->queue_count >= SK_AUDIT_QUEUE_MAX)
		return -ENOBUFS;
	actor_json = json_string(actor);
	if (!actor_json)
		return -EINVAL;
	actor_text = json_dumps(actor_json, JSON_ENCODE_ANY);
	json_decref(actor_json);
	body_text = json_dumps(body, JSON_COMPACT);
	if (!actor_text || !body_text)
		return -EINVAL;
	r = queue_line(audit, kind, actor_text, body_text);
	if (r == 0 && ret_seq)
		*ret_seq = audit->queued.seq;
	return r;
}

static int queue_seal(SkAudit *audit)
{
	char body[160];
	int r;

	sk_seal_format_body(body, sizeof(body), sk_ratchet_epoch(audit->ratchet));
	r = sk_audit_queue_own(audit, SK_KIND_SEAL, body);
	if (r == 0)
		audit->seal_queued = true;
	return r;
}

/* Out of the file again what was pushed. Return: false when the file is in doubt. */
static bool cut_pushed(SkAudit *audit)
{
	if (audit->pushed > 0 && ftruncate(audit->segment_fd, (off_t)audit->segment_used) < 0)
		audit->failed = -errno;
	audit->pushed = 0;
	return audit->failed == 0;
}

/* What was not acknowledged never was. */
static void take_back(SkAudit *audit)
{
	(void)cut_pushed(audit);
	audit->queued = audit->durable;
	audit->pending_size = 0;
	audit->queue_count = 0;
	audit->seal_queued = false;
}

void sk_audit_push(SkAudit *audit)
{
	int r;

	if (audit->failed < 0 || audit->pushed == audit->pending_size)
		return;
	r = sk_io_write_all(
		audit->segment_fd, audit->pending + audit->pushed, audit->pending_size - audit->pushed);
	if (r == 0) {
		audit->pushed = audit->pending_size;
		return;
	}
	/* A part of a line may be there: all of it goes, and the next sync says why. */
	audit->pushed = audit->pending_size;
	(void)cut_pushed(audit);
}

/* Writes pending; cuts off again what a full disk let through. */
static int write_pending(SkAudit *audit)
{
	int r = sk_io_write_all(
		audit->segment_fd, audit->pending + audit->pushed, audit->pending_size - audit->pushed);

	audit->pushed = 0;
	if ((r == -ENOSPC || r == -EDQUOT) && ftruncate(audit->segment_fd, (off_t)audit->segment_used) == 0) {
		if (!sk_audit_open_reserve(audit))
			return -ENOSPC;
		r = sk_io_write_all(audit->segment_fd, audit->pending, audit->pending_size);
		if ((r == -ENOSPC || r == -EDQUOT) &&
			ftruncate(audit->segment_fd, (off_t)audit->segment_used) == 0)
			return -ENOSPC;
	}
	/* After a failed flush the kernel may have dropped the pages: what is on the disk is unknown. */
	if (r == 0 && fdatasync(audit->segment_fd) < 0)
		r = -errno;
	if (r < 0)
		audit->failed = r;
	return r;
}

static int write_head(SkAudit *audit)
{
	int r;

	if (audit->head_fd < 0)
		r = sk_head_create(audit->dir_fd, &audit->durable, &audit->head_fd);
	else
		r = sk_head_write(audit->head_fd, audit->head_slot++, &audit->durable);
	if (r < 0)
		audit->failed = r;
	return r;
}

int sk_audit_store_state(SkAudit *audit)
{
	int r = sk_seal_state_write(audit->dir_fd, &audit->seal, audit->ratchet);

	if ((r == -ENOSPC || r == -EDQUOT) && sk_audit_open_reserve(audit))
		r = sk_seal_state_write(audit->dir_fd, &audit->seal, audit->ratchet);
	audit->state_due = r < 0;
	return r;
}

int sk_audit_next_segment(SkAudit *audit)
{
	char name[SK_SEGMENT_NAME_SIZE];
	own_fd int fd = -1;

	if (audit->segment == SK_SEGMENT_MAX)
		return -EOVERFLOW;
	sk_segment_name(name, audit->segment + 1);
	fd = openat(
		audit->dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	if (fsync(audit->dir_fd) < 0) {
		int r = -errno;

		unlinkat(audit->dir_fd, name, 0);
		return r;
	}
	if (audit->segment_fd >= 0)
		close(audit->segment_fd);
	audit->segment_fd = own_take_fd(&fd);
	audit->segment++;
	audit->segment_used = 0;
	return 0;
}

/* The seal is on the disk: only now the key of its epoch may go. */
static void finish_seal(SkAudit *audit)
{
	audit->seal_queued = false;
	audit->unsealed = 0;
	audit->seal = (SkSealState){audit->segment, audit->durable};
	sk_ratchet_step(audit->ratchet);
	(void)sk_audit_store_state(audit);
}

static int flush(SkAudit *audit)
{
	int r = write_pending(audit);

	if (r < 0) {
		take_back(audit);
		return r;
	}
	audit->segment_used += audit->pending_size;
	audit->unsealed += audit->queue_count;
	audit->durable = audit->queued;
	audit->pending_size = 0;
	audit->queue_count = 0;
	if (audit->seal_queued)
		finish_seal(audit);
	r = write_head(audit);
	/* Not while seal-state lags behind: recovery looks for seals from its segment on, and there is no
	 * hurry. */
	if (r == 0 && audit->segment_used >= audit->options.segment_size && audit->unsealed == 0 &&
		!audit->state_due)
		(void)sk_audit_next_segment(audit);
	return r;
}

static int flush_notice(SkAudit *audit)
{
	char body[64];
	int r;

	sk_str_format(
		body, sizeof(body), "{\"reserve\":%llu}", (unsigned long long)audit->options.reserve_size);
	r = sk_audit_queue_own(audit, SK_KIND_RESERVE_OPENED, body);
	if (r == 0)
		r = flush(audit);
	if (r == 0)
		audit->notice_due = false;
	return r;
}

int sk_audit_sync(SkAudit *audit)
{
	int r = 0;

	if (audit->failed < 0)
		return audit->failed;
	if (audit->state_due)
		(void)sk_audit_store_state(audit);
	if (audit->pending_size == 0)
		return 0;
	if (!audit->seal_queued &&
		(audit->unsealed + audit->queue_count >= audit->options.seal_every ||
			audit->segment_used + audit->pending_size >= audit->options.segment_size))
		r = queue_seal(audit);
	if (r == 0)
		r = flush(audit);
	else
		take_back(audit);
	/* The caller's records are safe: that the notice failed is not their error, and it stays due. */
	if (r == 0 && audit->notice_due)
		(void)flush_notice(audit);
	return r;
}

int sk_audit_append(
	SkAudit *audit, const char *kind, const char *actor, const json_t *body, uint64_t *ret_seq)
{
	int r = sk_audit_queue(audit, kind, actor, body, ret_seq);

	if (r == -ENOBUFS) {
		r = sk_audit_sync(audit);
		if (r == 0)
			r = sk_audit_queue(audit, kind, actor, body, ret_seq);
	}
	return r < 0 ? r : sk_audit_sync(audit);
}

int sk_audit_seal(SkAudit *audit)
{
	int r = sk_audit_sync(audit);

	if (r == 0 && audit->unsealed > 0) {
		r = queue_seal(audit);
		r = r == 0 ? flush(audit) : r;
	}
	if (r == 0 && audit->notice_due)
		(void)flush_notice(audit);
	return r == 0 && audit->state_due ? sk_audit_store_state(audit) : r;
}

void sk_audit_get_head(const SkAudit *audit, SkAuditHead *ret_head)
{
	*ret_head = audit->durable;
}
