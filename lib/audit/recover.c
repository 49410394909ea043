/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening a log, whatever happened to it before. The cases, by the order of writing in audit.c:
 *
 * - killed while a record was written: a torn last line: cut off; it was never acknowledged
 * - killed between a seal and seal-state: the seal proves itself with the key in seal-state: the key goes on
 * - killed between records and head: head is older: nothing to do
 * - head or seal-state beyond the end: acknowledged records are gone. The log goes on behind them, so that
 * the gap stays visible for ever
 * - seal-state missing or damaged: a new start key; verification of seals begins anew with it
 *
 * Damaged lines that may have been acknowledged are evidence: they stay, and a new segment begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/audit/writer.h"
#include "lib/base/str.h"

/* What the segments say. */
typedef struct Tail {
	SkAuditHead last;      /* the last line that is a record */
	SkAuditHead last_seal; /* seq 0: none seen */
	uint64_t seal_segment;
	uint64_t behind_seal; /* records behind the last seal seen */
	uint64_t good_end;    /* of the last segment: behind the last line that is a record */
	uint64_t size;	      /* of the last segment */
	uint64_t bad_lines;
	uint64_t bad_last; /* of them, behind the last line that is a record */
	uint64_t seals_completed;
	uint64_t seals_bad;
	bool head_changed; /* the record that head names is another one */
} Tail;

static void scan_seal(SkAudit *audit, Tail *tail, const SkAuditRecord *record, uint64_t segment)
{
	SkSeal seal;

	if (sk_seal_parse(record, &seal) < 0) {
		tail->seals_bad++;
		return;
	}
	tail->last_seal = tail->last;
	tail->seal_segment = segment;
	tail->behind_seal = 0;
	if (!audit->ratchet || seal.epoch < sk_ratchet_epoch(audit->ratchet))
		return;
	if (seal.epoch > sk_ratchet_epoch(audit->ratchet) || !sk_seal_verify(record, &seal, audit->ratchet)) {
		tail->seals_bad++;
		return;
	}
	sk_ratchet_step(audit->ratchet);
	audit->seal = (SkSealState){segment, tail->last};
	tail->seals_completed++;
}

static void scan_record(
	SkAudit *audit, Tail *tail, const SkAuditHead *head, const SkAuditRecord *record, uint64_t segment)
{
	tail->last.seq = record->seq;
	sk_line_hash(tail->last.hash, record->line.text, record->line.size);
	tail->behind_seal++;
	if (record->seq == head->seq && !sk_str_eq(tail->last.hash, head->hash))
		tail->head_changed = true;
	if (sk_text_equals(record->kind, SK_KIND_SEAL))
		scan_seal(audit, tail, record, segment);
}

static int scan_segment(SkAudit *audit, Tail *tail, const SkAuditHead *head, uint64_t segment)
{
	own_lines SkLines lines = SK_LINES_NULL;
	const char *line;
	size_t size;
	int r = sk_lines_open(&lines, audit->dir_fd, segment);

	tail->good_end = 0;
	tail->bad_last = 0;
	while (r >= 0 && (r = sk_lines_next(&lines, &line, &size)) != 0) {
		SkAuditRecord record;

		if (r == -EMSGSIZE || (r == 1 && sk_line_parse(line, size, &record) < 0)) {
			tail->bad_lines++;
			tail->bad_last++;
			r = 0;
			continue;
		}
		if (r < 0)
			return r;
		scan_record(audit, tail, head, &record, segment);
		tail->good_end = lines.complete;
		tail->bad_last = 0;
	}
	if (r == 0)
		tail->size = lines.complete + sk_lines_rest(&lines);
	return r;
}

/* From the segment of the last known seal on: seals behind it may need their key. */
static int scan(SkAudit *audit, const SkSegments *segments, const SkAuditHead *head, Tail *ret_tail)
{
	Tail tail = {.last.hash = SK_HASH_NONE};
	uint64_t first = audit->ratchet ? audit->seal.segment : 0;
	int r = 0;

	if (segments->count > 0 && segments->numbers[segments->count - 1] < first)
		first = segments->numbers[segments->count - 1];
	for (size_t i = 0; i < segments->count && r == 0; i++)
		if (segments->numbers[i] >= first)
			r = scan_segment(audit, &tail, head, segments->numbers[i]);
	if (r == 0)
		*ret_tail = tail;
	return r;
}

/* Makes the last segment the one that is written, or begins a new one. */
static int take_segment(SkAudit *audit, const SkSegments *segments, uint64_t used, bool fresh_segment)
{
	char name[SK_SEGMENT_NAME_SIZE];

	audit->segment = segments->count > 0 ? segments->numbers[segments->count - 1] : 0;
	if (audit->segment == 0 && audit->seal.segment > 1)
		audit->segment = audit->seal.segment;
	if (segments->count == 0 || fresh_segment)
		return sk_audit_next_segment(audit);
	sk_segment_name(name, audit->segment);
	audit->segment_fd =
		openat(audit->dir_fd, name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (audit->segment_fd < 0)
		return -errno;
	audit->segment_used = used;
	return 0;
}

static int cut_tail(SkAudit *audit, uint64_t good_end)
{
	if (ftruncate(audit->segment_fd, (off_t)good_end) < 0 || fsync(audit->segment_fd) < 0)
		return -errno;
	return 0;
}

/*
 * A start key of an earlier attempt that was killed sealed nothing yet and is taken again. replaced: an old
 * key was lost, so the new one gets a name of its own beside the old one.
 */
static int new_key(SkAudit *audit, bool replaced)
{
	own_ratchet SkRatchet *ratchet = NULL;
	own_free char *path = NULL;
	int r;

	for (unsigned attempt = 1; attempt < 1000; attempt++) {
		free(path);
		if (attempt == 1 ? (path = strdup(audit->start_key_path)) == NULL
				 : asprintf(&path, "%s.%u", audit->start_key_path, attempt) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		if (replaced && faccessat(audit->dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		r = replaced ? -ENOENT : sk_start_key_read(audit->dir_fd, path, &ratchet);
		if (r == -EINVAL)
			continue;
		if (r != -ENOENT && r < 0)
			return r;
		if (r == -ENOENT)
			r = sk_ratchet_new(NULL, 0, &ratchet);
		if (r == 0 && faccessat(audit->dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			r = sk_start_key_write(audit->dir_fd, path, ratchet);
		if (r == 0)
			audit->ratchet = own_take(ratchet);
		return r;
	}
	return -EEXIST;
}

static int queue_key_record(SkAudit *audit, const char *kind)
{
	char body[192], hex[2 * SK_RATCHET_MAC_SIZE + 1];
	uint8_t id[SK_RATCHET_MAC_SIZE];

	sk_ratchet_id(audit->ratchet, id);
	sk_hex_format(hex, id, sizeof(id));
	sk_str_format(body, sizeof(body),
		"{\"format\":1,\"seal\":\"hmac-sha256\",\"key-id\":\"hmac-sha256:%s\"}", hex);
	return sk_audit_queue_own(audit, kind, body);
}

static int queue_recovered(SkAudit *audit, const Tail *tail, uint64_t cut, uint64_t lost, int head_result)
{
	char body[320];

	sk_str_format(body, sizeof(body),
		"{\"cut-bytes\":%llu,\"lost-records\":%llu,\"bad-lines\":%llu,\"seals-completed\":%llu,"
		"\"seals-bad\":%llu,"
		"\"head\":\"%s\"}",
		(unsigned long long)cut, (unsigned long long)lost, (unsigned long long)tail->bad_lines,
		(unsigned long long)tail->seals_completed, (unsigned long long)tail->seals_bad,
		head_result < 0	     ? "missing"
		: tail->head_changed ? "changed"
				     : "kept");
	return sk_audit_queue_own(audit, SK_KIND_RECOVERED, body);
}

/* Key, head and state first: whatever the kill, the next start finds either nothing or an empty log. */
static int create(SkAudit *audit, const SkSegments *segments, const Tail *tail)
{
	int r = 0;

	audit->seal = (SkSealState){.segment = 1, .seal.hash = SK_HASH_NONE};
	audit->durable = audit->queued = audit->seal.seal;
	if (!audit->ratchet) {
		r = new_key(audit, false);
		if (audit->head_fd >= 0)
			close(audit->head_fd);
		audit->head_fd = -1;
		if (r == 0)
			r = sk_head_create(audit->dir_fd, &audit->durable, &audit->head_fd);
		if (r == 0)
			r = sk_audit_store_state(audit);
	}
	if (r == 0)
		r = take_segment(audit, segments, 0, false);
	if (r == 0 && tail->size > 0)
		r = cut_tail(audit, 0);
	if (r == 0)
		r = queue_key_record(audit, SK_KIND_CREATED);
	if (r == 0 && tail->size > 0)
		r = queue_recovered(audit, tail, tail->size, 0, 0);
	return r == 0 ? sk_audit_sync(audit) : r;
}

static void raise_to(SkAuditHead *last, const SkAuditHead *other)
{
	if (other->seq > last->seq)
		*last = *other;
}

/* Goes on with a log that has records, or that must have had some. */
static int resume(SkAudit *audit, const SkSegments *segments, const Tail *tail, const SkAuditHead *head,
	int head_result)
{
	bool key_lost = audit->ratchet == NULL;
	SkAuditHead last = tail->last;
	uint64_t garbage = tail->size - tail->good_end, lost, cut;
	bool damaged;
	int r;

	raise_to(&last, head);
	if (!key_lost)
		raise_to(&last, &audit->seal.seal);
	lost = last.seq - tail->last.seq;
	cut = lost == 0 ? garbage : 0;
	damaged = (garbage > 0 && lost > 0) || tail->bad_lines > tail->bad_last || tail->seals_bad > 0;
	audit->durable = audit->queued = last;
	/* A seal in a new segment puts the damage behind us: the next start does not find it again. */
	audit->unsealed = damaged || tail->behind_seal > SK_AUDIT_SEAL_MAX ? SK_AUDIT_SEAL_MAX
									   : (uint32_t)tail->behind_seal;
	r = take_segment(audit, segments, tail->good_end, damaged);
	if (r == 0 && cut > 0 && !damaged)
		r = cut_tail(audit, tail->good_end);
	if (r == 0 && key_lost) {
		audit->seal = (SkSealState){tail->seal_segment ? tail->seal_segment : 1, tail->last_seal};
		if (tail->last_seal.seq == 0)
			sk_str_copy(audit->seal.seal.hash, sizeof(audit->seal.seal.hash), SK_HASH_NONE);
		r = new_key(audit, true);
		r = r == 0 ? queue_key_record(audit, SK_KIND_KEY_REPLACED) : r;
	}
	if (r == 0 && (garbage > 0 || lost > 0 || tail->bad_lines > 0 || tail->seals_completed > 0 ||
			      tail->seals_bad > 0 || tail->head_changed || head_result < 0))
		r = queue_recovered(audit, tail, damaged ? 0 : cut, lost, head_result);
	if (r == 0)
		r = sk_audit_sync(audit);
	if (r == 0 && (key_lost || tail->seals_completed > 0))
		r = sk_audit_store_state(audit);
	return r;
}

int sk_audit_recover(SkAudit *audit)
{
	own_segments SkSegments segments = SK_SEGMENTS_NULL;
	SkAuditHead head = {.hash = SK_HASH_NONE};
	Tail tail;
	int r, head_result, state_result;

	state_result = sk_seal_state_read(audit->dir_fd, &audit->seal, &audit->ratchet);
	if (state_result < 0 && state_result != -ENOENT && state_result != -EBADMSG)
		return state_result;
	head_result = sk_head_read(audit->dir_fd, &head);
	if (head_result < 0 && head_result != -ENOENT && head_result != -EBADMSG)
		return head_result;
	r = sk_segments_list(audit->dir_fd, &segments);
	if (r < 0)
		return r;
	r = scan(audit, &segments, &head, &tail);
	if (r < 0)
		return r;
	if (head_result == 0) {
		audit->head_fd =
			openat(audit->dir_fd, SK_HEAD_FILE, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (audit->head_fd < 0)
			return -errno;
	}
	/* Nothing was ever acknowledged: no record, and neither head nor seal-state knows of one. */
	if (tail.last.seq == 0 && head.seq == 0 && audit->seal.seal.seq == 0 && tail.bad_lines == 0 &&
		(audit->ratchet || segments.count == 0) &&
		(!audit->ratchet || sk_ratchet_epoch(audit->ratchet) == 0))
		return create(audit, &segments, &tail);
	return resume(audit, &segments, &tail, &head, head_result);
}
