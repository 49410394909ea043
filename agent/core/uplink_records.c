/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/uplink_records.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/records.h"
#include "lib/audit/line.h"
#include "lib/audit/reader.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/memfd.h"
#include "lib/log/log.h"

/* The reader stays where it is between two batches: a log of years is not searched for each. */
static struct {
	SkAuditReader *reader;
	uint64_t next;		       /* what the reader gives next */
	uint64_t last;		       /* of the last batch, */
	char hash[SK_SHA256_HEX_SIZE]; /* and its hash */
	bool differ_told;	       /* once: the record about it is sent too */
} given;

void uplink_records_forget(void)
{
	sk_audit_reader_free(own_take(given.reader));
	given.next = given.last = 0;
}

static int ensure_reader(Core *core, uint64_t from)
{
	char path[PATH_MAX];

	if (given.reader && given.next == from)
		return 0;
	uplink_records_forget();
	if (!sk_str_format(path, sizeof(path), "%s/audit", core->settings->agent.state_directory))
		return -ENAMETOOLONG;
	given.next = from;
	return sk_audit_reader_open(path, from, &given.reader);
}

typedef struct Batch {
	char *text;
	size_t size, room;
	uint64_t first, last;
} Batch;

static void add_line(Batch *batch, const SkAuditRecord *record)
{
	memcpy(batch->text + batch->size, record->line.text, record->line.size);
	batch->size += record->line.size;
	batch->text[batch->size++] = '\n';
	if (batch->first == 0)
		batch->first = record->seq;
	batch->last = record->seq;
}

/* Stops before what does not fit, what is not acknowledged yet, and what is missing. */
static void fill(Batch *batch, uint64_t from, uint64_t head)
{
	SkAuditRecord record;
	int r;

	while (given.next <= head && batch->size < batch->room) {
		r = sk_audit_reader_next(given.reader, &record);
		if (r <= 0 || record.seq != given.next) {
			if (r != 0)
				sk_log(LOG_ALERT,
					"record %llu cannot be sent to the console: the log is damaged "
					"there; see: "
					"sekishoctl audit verify",
					(unsigned long long)given.next);
			break;
		}
		add_line(batch, &record);
		sk_line_hash(given.hash, record.line.text, record.line.size);
		given.next = record.seq + 1;
	}
	given.last = batch->last;
	/* Anywhere but at the end of what it gave, the reader is of no use for the next batch. */
	if (given.next != (batch->last > 0 ? batch->last + 1 : from) || batch->last == 0)
		sk_audit_reader_free(own_take(given.reader));
}

int uplink_records_give(Core *core, const SkUplinkWantRecords *want)
{
	/* The last line that is begun below the limit may be as long as any. */
	Batch batch = {.room = want->size};
	own_free char *text = batch.text = malloc(want->size + SK_AUDIT_LINE_MAX + 1);
	SkUplinkRecords answer = {0};
	SkAuditHead head = {0};
	own_fd int fd = -1;

	if (!text)
		return -ENOMEM;
	records_sync(core);
	if (records_audit(core))
		sk_audit_get_head(records_audit(core), &head);
	if (want->from <= head.seq && ensure_reader(core, want->from) == 0)
		fill(&batch, want->from, head.seq);
	fd = sk_memfd_new(batch.text, batch.size);
	if (fd < 0)
		return fd;
	sk_head_init(&answer.head, SK_UPLINK_RECORDS, sizeof(answer));
	answer.head.cookie = want->head.cookie;
	answer.first = batch.first;
	answer.last = batch.last;
	return peer_send(&core->uplink, &answer, &fd, 1);
}

int uplink_records_acked(Core *core, const SkUplinkAcked *acked, int fd)
{
	own_free char *text = NULL;
	size_t size = 0;
	int r = sk_memfd_read(fd, SK_UPLINK_JSON_MAX, &text, &size);

	if (r < 0)
		return -EPROTO;
	if (acked->seq == given.last && !sk_str_eq(acked->hash, given.hash)) {
		if (given.differ_told)
			return 0;
		given.differ_told = true;
		record_write(core, &(Record){.kind = "console.records-differ",
					   .code = SK_CONSOLE_RECORDS_REFUSED,
					   .body = json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)acked->seq,
						   "ours", given.hash, "theirs", acked->hash)});
		return 0;
	}
	if (console_enrolled(core))
		console_take_head(core, acked->seq, acked->hash, text, size);
	return 0;
}
