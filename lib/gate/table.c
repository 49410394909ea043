/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/gate/table.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

/* Running out of memory must not end core: an addition that fails is reported instead. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->added = false)
#include <uthash.h>

typedef struct File {
	SkFileId id;
	bool added;
	SkGateVerdict verdict;
	SkGateEvent *waiters;
	struct File *prev, *next; /* decided ones, oldest first */
	UT_hash_handle hh;
} File;

struct SkGateTable {
	SkGate *gate;
	File *files;
	File *decided;
	size_t n_decided, max_decided;
};

SkGateTable *sk_gate_table_new(SkGate *gate, size_t max_files)
{
	SkGateTable *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->gate = gate;
	table->max_decided = max_files ? max_files : SK_GATE_TABLE_MAX;
	return table;
}

static File *file_find(const SkGateTable *table, const SkFileId *id)
{
	File *file = NULL;

	HASH_FIND(hh, table->files, id, sizeof(*id), file);
	return file;
}

static void file_remove(SkGateTable *table, File *file)
{
	if (file->verdict != SK_GATE_UNKNOWN) {
		DL_DELETE(table->decided, file);
		table->n_decided--;
	}
	HASH_DEL(table->files, file);
	free(file);
}

static File *file_ensure(SkGateTable *table, const SkFileId *id)
{
	File *file = file_find(table, id);

	if (file)
		return file;
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->id = *id;
	file->added = true;
	HASH_ADD(hh, table->files, id, sizeof(file->id), file);
	if (!file->added) {
		free(file);
		return NULL;
	}
	return file;
}

static int answer_waiters(SkGateTable *table, File *file, bool allow)
{
	int n = 0;

	while (file->waiters) {
		SkGateEvent *event = file->waiters;

		DL_DELETE2(file->waiters, event, waiter_prev, waiter_next);
		(void)sk_gate_answer(table->gate, event, allow);
		n++;
	}
	return n;
}

SkGateTable *sk_gate_table_free(SkGateTable *table)
{
	File *file, *next;

	if (!table)
		return NULL;
	HASH_ITER (hh, table->files, file, next) {
		answer_waiters(table, file, false);
		file_remove(table, file);
	}
	free(table);
	return NULL;
}

SkGateVerdict sk_gate_table_lookup(const SkGateTable *table, const SkFileId *id)
{
	const File *file = file_find(table, id);

	return file ? file->verdict : SK_GATE_UNKNOWN;
}

SkGateVerdict sk_gate_table_admit(SkGateTable *table, SkGateEvent *event, bool *ret_first)
{
	SkGateVerdict verdict = sk_gate_table_lookup(table, &event->file);

	if (verdict == SK_GATE_UNKNOWN) {
		if (sk_gate_table_add_waiter(table, event, ret_first) == 0)
			return SK_GATE_UNKNOWN;
		verdict = SK_GATE_DENY;
	}
	(void)sk_gate_answer(table->gate, event, verdict == SK_GATE_ALLOW);
	return verdict;
}

int sk_gate_table_add_waiter(SkGateTable *table, SkGateEvent *event, bool *ret_first)
{
	File *file = file_ensure(table, &event->file);

	if (!file)
		return -ENOMEM;
	*ret_first = !file->waiters;
	DL_APPEND2(file->waiters, event, waiter_prev, waiter_next);
	return 0;
}

static void forget_oldest(SkGateTable *table)
{
	/* A decided file has no waiters: they were answered with the verdict. */
	while (table->n_decided > table->max_decided)
		file_remove(table, table->decided);
}

int sk_gate_table_resolve(SkGateTable *table, const SkFileId *id, SkGateVerdict verdict)
{
	if (verdict != SK_GATE_ALLOW && verdict != SK_GATE_DENY)
		return -EINVAL;
	File *file = file_ensure(table, id);

	if (!file)
		return -ENOMEM; /* nobody waits: waiters have an entry */
	int n = answer_waiters(table, file, verdict == SK_GATE_ALLOW);

	if (file->verdict == SK_GATE_UNKNOWN) {
		DL_APPEND(table->decided, file);
		table->n_decided++;
	}
	file->verdict = verdict;
	forget_oldest(table);
	return n;
}

int sk_gate_table_settle(SkGateTable *table, const SkFileId *id, SkGateVerdict verdict)
{
	if (verdict != SK_GATE_ALLOW && verdict != SK_GATE_DENY)
		return -EINVAL;
	File *file = file_find(table, id);

	if (!file)
		return 0;
	int n = answer_waiters(table, file, verdict == SK_GATE_ALLOW);

	if (file->verdict == SK_GATE_UNKNOWN)
		file_remove(table, file);
	return n;
}

void sk_gate_table_forget(SkGateTable *table)
{
	while (table->decided) {
		File *file = table->decided;

		file_remove(table, file);
	}
}

size_t sk_gate_table_files(const SkGateTable *table)
{
	return table->n_decided;
}
