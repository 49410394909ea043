/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Writes for many callers at once: heartbeats, receipts and records of thousands of agents, which would each
 * need an fsync of their own. Callers leave a job and hear when it is done; one thread gathers what has come,
 * runs all of it in one transaction (console/db/group.h), and tells everybody after the commit. When nothing
 * else is to be written a job is committed at once.
 */
#include "console/db/db.h"

typedef struct SkWriter SkWriter;

/* A member of what the caller keeps until done() is called, which is once. Both run on the writer's thread.
 */
typedef struct SkWriteJob {
	struct SkWriteJob *next;
	/* As in any transaction it may run again, and forgets then what an earlier run left. */
	void (*run)(struct SkWriteJob *job, SkDb *db);
	/* The database failed: the job was not done, or (-ENOTCONN) nobody knows. After that comes done(). */
	void (*fail)(struct SkWriteJob *job, SkDb *db, int error);
	/* Did run() find out that there is no use in trying more now? Asked only outside of a group. */
	bool (*is_hopeless)(const struct SkWriteJob *job);
	void (*done)(struct SkWriteJob *job);
	size_t size; /* about, of what it writes: a group is bounded */
} SkWriteJob;

/* database: for sk_db_open(), borrowed. Return: 0, -ENOMEM, -EAGAIN no thread. */
int sk_writer_new(const char *database, SkWriter **ret_writer);
/* Does what has come, then ends; what comes later fails at once. */
void sk_writer_end(SkWriter *writer);
/* Ended before; nobody has it any more. NULL is fine. */
void sk_writer_free(SkWriter *writer);

/* From any thread. */
void sk_writer_put(SkWriter *writer, SkWriteJob *job);
