/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at a chain while somebody else may write it. */
#include <fcntl.h>
#include <string.h>

#include "console/store/chain_inside.h"

typedef struct Check {
	SkChainReport *report;
	char hash[65]; /* of the record before; "": there is none */
	SkAuditHead head;
} Check;

static int look_at(void *userdata, uint64_t seq, const char *line)
{
	Check *check = userdata;
	SkChainReport *report = check->report;
	SkAuditRecord record;

	if (sk_line_parse(line, strlen(line), &record) < 0 || record.seq != seq)
		return -EBADMSG;
	if (report->records > 0 && seq != report->last + 1)
		report->gaps++;
	else if (report->records > 0 && !sk_text_equals(record.prev, check->hash))
		return -EBADMSG;
	sk_line_hash(check->hash, line, strlen(line));
	if (seq == check->head.seq)
		report->head_found = strcmp(check->hash, check->head.hash) == 0;
	report->records++;
	report->last = seq;
	return 0;
}

int sk_chain_check(SkDb *db, const char *instance, const char *directory, SkChainReport *ret_report)
{
	own_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SkChainReport report = {0};
	Check check = {.report = &report};
	int64_t newest = 0;
	int r = fd < 0 ? -errno : sk_head_read(fd, &check.head);

	/* A chain that was only just begun. */
	if (r == -ENOENT)
		report.head_found = true;
	else if (r < 0)
		return r;
	report.head = check.head.seq;
	r = sk_db_query_int(db, "SELECT COALESCE(MAX(seq), 0) FROM console_records WHERE instance_id = $1",
		SK_DB_ARGS(sk_db_text(instance)), &newest);
	if (r == 0)
		r = sk_chain_read(db, instance,
			newest > SK_CHAIN_CHECK_MAX ? (uint64_t)(newest - SK_CHAIN_CHECK_MAX) : 0, look_at,
			&check);
	if (r == -EBADMSG)
		report.bad = report.last + 1;
	else if (r < 0)
		return r;
	*ret_report = report;
	return 0;
}
