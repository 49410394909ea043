/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One pass over all lines. After each finding the pass goes on from what it sees, so that one damage is one
 * finding.
 */
#include "lib/audit/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/audit/line.h"
#include "lib/audit/segment.h"
#include "lib/audit/state.h"
#include "lib/base/str.h"

/* Time synchronisation slews by at most 500 ppm: two seconds apart between two records are no drift. */
#define CLOCK_JUMP_MIN 2000000
/* A forged epoch must not make us step for ever. */
#define EPOCH_STEP_MAX 1000000

/* A head that somebody remembers, compared when its record comes by. */
typedef struct Witness {
	SkAuditHead head;
	const char *who;
	bool present;
	bool seen;
} Witness;

enum { WITNESS_HEAD, WITNESS_SEAL_STATE, WITNESS_CALLER, WITNESS_COUNT };

typedef struct Verify {
	int dir_fd;
	SkAuditFound found;
	void *userdata;
	SkTranslate translate;
	SkAuditReport report;
	Witness witnesses[WITNESS_COUNT];

	SkRatchet *start;   /* NULL: no start key given */
	SkRatchet *ratchet; /* of the epoch that is due; NULL: not in a stretch of the start key */
	SkRatchet *state;   /* of seal-state; NULL: not readable by us */
	bool start_key_used;
	uint64_t next_epoch;
	uint64_t without_seal; /* records since the last one */
	uint64_t bad_lines;    /* since the last record: each may have been one */

	char name[SK_SEGMENT_NAME_SIZE];
	uint64_t line;
	bool segment_begins;

	SkAuditRecord last; /* only numbers and boot_copy are valid behind its line */
	char boot_copy[33];
} Verify;

/* About the line that is read, or, outside of segments, about the whole log. */
__attribute__((format(printf, 4, 5))) static void add_finding(
	Verify *v, SkAuditFindingKind kind, uint64_t seq, const char *format, ...)
{
	char detail[256];
	SkAuditFinding finding = {
		.kind = kind, .seq = seq, .file = v->name, .line = v->line, .detail = detail};
	va_list ap;

	va_start(ap, format);
	if (vsnprintf(detail, sizeof(detail), sk_translate(v->translate, format), ap) < 0)
		detail[0] = 0;
	va_end(ap);
	if (sk_audit_finding_is_information(kind))
		v->report.information++;
	else
		v->report.findings++;
	if (v->found)
		v->found(v->userdata, &finding);
}

/* A word within the detail of a finding. */
#define WORD(v, text) sk_translate((v)->translate, text)
#define ULL(x) ((unsigned long long)(x))

/* Without the record that names the key, the key given is taken for the right one. */
static int assume_key(Verify *v)
{
	if (!v->start || v->ratchet)
		return 0;
	v->start_key_used = true;
	return sk_ratchet_new(sk_ratchet_key(v->start), 0, &v->ratchet);
}

/* seq and prev against what came before. */
static int check_chain(Verify *v, const SkAuditRecord *record)
{
	uint64_t last = v->report.head.seq, seq = record->seq;

	if (v->report.records == 0 && seq != 1) {
		add_finding(v, SK_AUDIT_START_MISSING, 1, N_("the log begins with record %llu"), ULL(seq));
		return assume_key(v);
	}
	if (seq != last + 1 && v->bad_lines == 0 && v->segment_begins)
		add_finding(v, SK_AUDIT_SEGMENT_ORDER, seq,
			N_("the file begins with record %llu, expected was %llu"), ULL(seq), ULL(last + 1));
	else if (seq > last + 1 + v->bad_lines)
		add_finding(v, SK_AUDIT_RECORDS_MISSING, last + 1, N_("records %llu to %llu are missing"),
			ULL(last + 1), ULL(seq - 1));
	else if (seq <= last)
		add_finding(v, SK_AUDIT_RECORDS_ORDER, seq, N_("record %llu stands behind record %llu"),
			ULL(seq), ULL(last));
	else if (v->bad_lines == 0 && memcmp(record->prev.text, v->report.head.hash, record->prev.size) != 0)
		add_finding(v, SK_AUDIT_RECORD_CHANGED, last,
			N_("record %llu is not what record %llu was chained to"), ULL(last), ULL(seq));
	return 0;
}

static void check_clock(Verify *v, const SkAuditRecord *record)
{
	const SkAuditRecord *last = &v->last;
	bool same_boot = memcmp(v->boot_copy, record->boot.text, sizeof(v->boot_copy) - 1) == 0;
	int64_t wall = record->wall - last->wall, jump;

	if (v->report.records > 0) {
		jump = same_boot ? wall - (int64_t)(record->mono - last->mono) : wall < 0 ? wall : 0;
		if (jump > CLOCK_JUMP_MIN || jump < -CLOCK_JUMP_MIN)
			add_finding(v, SK_AUDIT_CLOCK_JUMPED, record->seq,
				N_("the wall clock went %s by %.1f s between record %llu and this one"),
				jump > 0 ? WORD(v, N_("forward")) : WORD(v, N_("back")),
				(double)(jump > 0 ? jump : -jump) / 1e6, ULL(v->report.head.seq));
	}
	v->last.wall = record->wall;
	v->last.mono = record->mono;
	if (!same_boot)
		memcpy(v->boot_copy, record->boot.text, sizeof(v->boot_copy) - 1);
}

static void check_witnesses(Verify *v, const SkAuditRecord *record)
{
	for (int i = 0; i < WITNESS_COUNT; i++) {
		Witness *witness = &v->witnesses[i];

		if (!witness->present || witness->seen || witness->head.seq != record->seq)
			continue;
		witness->seen = true;
		if (!sk_str_eq(witness->head.hash, v->report.head.hash))
			add_finding(v, SK_AUDIT_HEAD_CHANGED, record->seq,
				N_("%s remembers another record %llu"), witness->who, ULL(record->seq));
	}
}

/* A stretch of seals begins: with our start key, or with another one. */
static int begin_key(Verify *v, const SkAuditRecord *record)
{
	static const char marker[] = "\"key-id\":\"hmac-sha256:";
	uint8_t id[SK_RATCHET_MAC_SIZE];
	char hex[2 * sizeof(id) + 1];
	const char *at;

	v->next_epoch = 0;
	v->without_seal = 0;
	sk_ratchet_free(own_take(v->ratchet));
	if (!v->start)
		return 0;
	sk_ratchet_id(v->start, id);
	sk_hex_format(hex, id, sizeof(id));
	at = memmem(record->body.text, record->body.size, marker, strlen(marker));
	if (!at || (size_t)(record->body.text + record->body.size - at) < strlen(marker) + sizeof(hex) ||
		memcmp(at + strlen(marker), hex, sizeof(hex) - 1) != 0)
		return 0;
	v->start_key_used = true;
	return sk_ratchet_new(sk_ratchet_key(v->start), 0, &v->ratchet);
}

static void check_seal_mac(Verify *v, const SkAuditRecord *record, const SkSeal *seal)
{
	if (!v->ratchet)
		return;
	if (seal->epoch < sk_ratchet_epoch(v->ratchet) ||
		seal->epoch - sk_ratchet_epoch(v->ratchet) > EPOCH_STEP_MAX)
		return;
	while (sk_ratchet_epoch(v->ratchet) < seal->epoch)
		sk_ratchet_step(v->ratchet);
	v->report.seals_checked++;
	if (sk_seal_verify(record, seal, v->ratchet))
		v->report.sealed_seq = record->seq;
	else
		add_finding(v, SK_AUDIT_SEAL_BAD, record->seq, N_("seal %llu does not fit the key"),
			ULL(seal->epoch));
	sk_ratchet_step(v->ratchet);
}

static int check_seal(Verify *v, const SkAuditRecord *record)
{
	SkSeal seal;

	v->report.seals++;
	v->without_seal = 0;
	if (sk_seal_parse(record, &seal) < 0) {
		add_finding(v, SK_AUDIT_SEAL_BAD, record->seq, N_("the seal has no epoch and MAC"));
		return 0;
	}
	if (seal.epoch > v->next_epoch)
		add_finding(v, SK_AUDIT_SEAL_MISSING, record->seq, N_("seals %llu to %llu are missing"),
			ULL(v->next_epoch), ULL(seal.epoch - 1));
	else if (seal.epoch < v->next_epoch)
		add_finding(v, SK_AUDIT_SEAL_BAD, record->seq, N_("seal %llu stands behind seal %llu"),
			ULL(seal.epoch), ULL(v->next_epoch - 1));
	check_seal_mac(v, record, &seal);
	v->next_epoch = seal.epoch + 1;
	return 0;
}

/* Words of ours in a record that anybody may have written. */
static const char *told_head(const Verify *v, const char *head)
{
	if (head && sk_str_eq(head, "kept"))
		return WORD(v, N_("kept"));
	return WORD(v, head && sk_str_eq(head, "changed") ? N_("changed") : N_("missing"));
}

static int check_recovered(Verify *v, const SkAuditRecord *record)
{
	json_t *body = json_loadb(record->body.text, record->body.size, 0, NULL);
	json_int_t cut = json_integer_value(json_object_get(body, "cut-bytes"));
	json_int_t lost = json_integer_value(json_object_get(body, "lost-records"));
	json_int_t bad = json_integer_value(json_object_get(body, "bad-lines")) +
			 json_integer_value(json_object_get(body, "seals-bad"));
	const char *head = json_string_value(json_object_get(body, "head"));

	if (lost > 0 || (cut == 0 && bad > 0) || !head || !sk_str_eq(head, "kept"))
		add_finding(v, SK_AUDIT_LOSS_RECORDED, record->seq,
			N_("at this start %lld records were missing, %lld lines or seals damaged, head %s"),
			(long long)lost, (long long)bad, told_head(v, head));
	else
		add_finding(v, SK_AUDIT_RECOVERED, record->seq, N_("%lld bytes of a torn line were cut off"),
			(long long)cut);
	json_decref(body);
	return 0;
}

static int check_key_replaced(Verify *v, const SkAuditRecord *record)
{
	add_finding(v, SK_AUDIT_KEY_REPLACED, record->seq, N_("sealing begins anew with another start key"));
	return begin_key(v, record);
}

/* The library's own records that mean something to us. */
static const struct {
	const char *kind;
	int (*check)(Verify *v, const SkAuditRecord *record);
} own_kinds[] = {
	{SK_KIND_SEAL, check_seal},
	{SK_KIND_CREATED, begin_key},
	{SK_KIND_KEY_REPLACED, check_key_replaced},
	{SK_KIND_RECOVERED, check_recovered},
};

static int check_own_kind(Verify *v, const SkAuditRecord *record)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(own_kinds); i++)
		if (sk_text_equals(record->kind, own_kinds[i].kind))
			return own_kinds[i].check(v, record);
	return 0;
}

static int check_record(Verify *v, const SkAuditRecord *record)
{
	int r = check_chain(v, record);

	if (r < 0)
		return r;
	check_clock(v, record);
	v->report.records++;
	v->bad_lines = 0;
	v->segment_begins = false;
	v->report.head.seq = record->seq;
	sk_line_hash(v->report.head.hash, record->line.text, record->line.size);
	check_witnesses(v, record);
	if (++v->without_seal == SK_AUDIT_SEAL_MAX + 1)
		add_finding(v, SK_AUDIT_SEAL_MISSING, record->seq, N_("%d records without a seal"),
			SK_AUDIT_SEAL_MAX);
	/* "audit." first: nearly every record is none of ours. */
	return sk_audit_kind_covers("audit", record->kind) ? check_own_kind(v, record) : 0;
}

static int check_segment(Verify *v, SkLines *lines, uint64_t number, bool is_last)
{
	const char *line;
	size_t size;
	int r = sk_lines_open(lines, v->dir_fd, number);

	sk_segment_name(v->name, number);
	v->line = 0;
	v->segment_begins = true;
	if (r == -EBADMSG) {
		add_finding(v, SK_AUDIT_LINE_BAD, 0, N_("this is no regular file"));
		return 0;
	}
	while (r >= 0 && (r = sk_lines_next(lines, &line, &size)) != 0) {
		SkAuditRecord record;

		v->line = lines->line;
		if (r == 1)
			r = sk_line_parse(line, size, &record);
		if (r == -EMSGSIZE || r == -EBADMSG) {
			add_finding(v, SK_AUDIT_LINE_BAD, 0, N_("the line is no record%s"),
				r == -EMSGSIZE ? WORD(v, N_(": it is too long")) : "");
			v->bad_lines++;
			r = 0;
		} else if (r == 0) {
			r = check_record(v, &record);
		}
	}
	if (r < 0)
		return r;
	v->line = lines->line + 1;
	if (sk_lines_rest(lines) > 0)
		add_finding(v, is_last ? SK_AUDIT_TORN_TAIL : SK_AUDIT_LINE_BAD, 0,
			N_("%llu bytes behind the last line break"), ULL(sk_lines_rest(lines)));
	return 0;
}

static int check_segments(Verify *v)
{
	own_segments SkSegments segments = SK_SEGMENTS_NULL;
	own_lines SkLines lines = SK_LINES_NULL;
	uint64_t expected = 1;
	int r = sk_segments_list(v->dir_fd, &segments);

	if (r == 0 && segments.count == 0)
		return -ENOENT;
	for (size_t i = 0; i < segments.count && r == 0; i++) {
		uint64_t number = segments.numbers[i];

		sk_segment_name(v->name, number);
		v->line = 0;
		if (number != expected)
			add_finding(v, SK_AUDIT_SEGMENT_MISSING, 0,
				N_("files %llu to %llu are missing before this one"), ULL(expected),
				ULL(number - 1));
		expected = number + 1;
		r = check_segment(v, &lines, number, i + 1 == segments.count);
	}
	v->report.segments = segments.count;
	v->name[0] = 0;
	v->line = 0;
	return r;
}

static void check_tail(Verify *v)
{
	uint64_t last = v->report.head.seq;

	for (int i = 0; i < WITNESS_COUNT; i++) {
		const Witness *witness = &v->witnesses[i];

		if (!witness->present || witness->seen || witness->head.seq == 0)
			continue;
		if (witness->head.seq > last)
			add_finding(v, SK_AUDIT_TAIL_CUT, last + 1,
				N_("the log ends with record %llu, %s remembers record %llu"), ULL(last),
				witness->who, ULL(witness->head.seq));
		else
			add_finding(v, SK_AUDIT_HEAD_CHANGED, witness->head.seq,
				N_("record %llu, which %s remembers, is missing"), ULL(witness->head.seq),
				witness->who);
	}
}

/* The stored key must be the one that is due, or one older: killed between a seal and its key. */
static int check_key_state(Verify *v)
{
	own_ratchet SkRatchet *due = NULL;
	uint64_t epoch;
	int r;

	if (!v->state || !v->ratchet)
		return 0;
	epoch = sk_ratchet_epoch(v->state);
	if (epoch > v->next_epoch || epoch + 1 < v->next_epoch) {
		add_finding(v, SK_AUDIT_KEY_STATE_BAD, 0,
			N_("'seal-state' is at epoch %llu, the log at %llu"), ULL(epoch), ULL(v->next_epoch));
		return 0;
	}
	r = sk_ratchet_new(sk_ratchet_key(v->start), 0, &due);
	if (r < 0)
		return r;
	while (sk_ratchet_epoch(due) < epoch)
		sk_ratchet_step(due);
	if (!sk_secret_equal(sk_ratchet_key(due), sk_ratchet_key(v->state), SK_RATCHET_KEY_SIZE))
		add_finding(v, SK_AUDIT_KEY_STATE_BAD, 0,
			N_("'seal-state' holds another key than the one of epoch %llu"), ULL(epoch));
	return 0;
}

static void check_keys_used(Verify *v)
{
	if (!v->start)
		add_finding(v, SK_AUDIT_SEALS_UNCHECKED, 0, N_("%llu seals were not checked"),
			ULL(v->report.seals));
	else if (!v->start_key_used)
		add_finding(v, SK_AUDIT_KEY_WRONG, 0, N_("no seal could be checked with this start key"));
}

/* Before the segments, which only grow: what is read here can only be older than they are. */
static int read_witnesses(Verify *v, const SkAuditHead *expected)
{
	SkSealState state;
	Witness *head = &v->witnesses[WITNESS_HEAD], *seal = &v->witnesses[WITNESS_SEAL_STATE];
	int r = sk_seal_state_read(v->dir_fd, &state, &v->state);

	if (r == 0)
		*seal = (Witness){.head = state.seal, .who = "'seal-state'", .present = true};
	else if (r == -ENOENT || r == -EBADMSG)
		add_finding(v, SK_AUDIT_KEY_STATE_BAD, 0, N_("'seal-state' is %s"),
			WORD(v, r == -ENOENT ? N_("missing") : N_("damaged")));
	else if (r != -EACCES)
		return r;
	head->who = "'head'";
	r = sk_head_read(v->dir_fd, &head->head);
	if (r == -ENOENT || r == -EBADMSG)
		add_finding(v, SK_AUDIT_HEAD_MISSING, 0, N_("'head' is %s"),
			WORD(v, r == -ENOENT ? N_("missing") : N_("damaged")));
	else if (r < 0)
		return r;
	head->present = r == 0;
	if (expected)
		v->witnesses[WITNESS_CALLER] = (Witness){
			.head = *expected, .who = WORD(v, N_("the expected head")), .present = true};
	return 0;
}

static int run(Verify *v, const SkAuditVerifyOptions *options)
{
	int r;

	v->dir_fd = open(options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (v->dir_fd < 0)
		return -errno;
	r = options->start_key_path ? sk_start_key_read(AT_FDCWD, options->start_key_path, &v->start) : 0;
	if (r == 0)
		r = read_witnesses(v, options->expected_head);
	if (r == 0)
		r = check_segments(v);
	if (r == 0)
		r = check_key_state(v);
	if (r < 0)
		return r;
	check_tail(v);
	check_keys_used(v);
	return 0;
}

int sk_audit_verify(
	const SkAuditVerifyOptions *options, SkAuditFound found, void *userdata, SkAuditReport *ret_report)
{
	Verify v = {.dir_fd = -1,
		.found = found,
		.userdata = userdata,
		.translate = options->translate,
		.report.head.hash = SK_HASH_NONE};
	int r = run(&v, options);

	sk_ratchet_free(v.start);
	sk_ratchet_free(v.ratchet);
	sk_ratchet_free(v.state);
	if (v.dir_fd >= 0)
		close(v.dir_fd);
	if (r == 0)
		*ret_report = v.report;
	return r;
}
