/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Verdicts of the files of one volume, and the opens that wait for them. Several processes may wait for one
 * file; it is asked for once and resolving it answers all of them.
 */
#include "lib/gate/gate.h"

typedef struct SkGateTable SkGateTable;

typedef enum SkGateVerdict {
	SK_GATE_UNKNOWN = 0,
	SK_GATE_ALLOW,
	SK_GATE_DENY,
} SkGateVerdict;

/*
 * Remembers at most max_files verdicts (0: SK_GATE_TABLE_MAX); the oldest are forgotten first, and their
 * files are asked for again. Does not own the gate, which must live as long. NULL without memory.
 */
#define SK_GATE_TABLE_MAX 1000000
SkGateTable *sk_gate_table_new(SkGate *gate, size_t max_files);

/* Denies what waits. Accepts NULL, returns NULL. */
SkGateTable *sk_gate_table_free(SkGateTable *table);

SkGateVerdict sk_gate_table_lookup(const SkGateTable *table, const SkFileId *file);

/*
 * The whole way of an event: a known verdict is answered at once, otherwise the event waits in the table.
 * Return: the verdict it was answered with; SK_GATE_UNKNOWN: it waits, and *ret_first says whether it is the
 * first for its file, so that somebody must be asked. Without memory it is denied.
 */
SkGateVerdict sk_gate_table_admit(SkGateTable *table, SkGateEvent *event, bool *ret_first);

/* Lets the event wait for the verdict of its file. Return: 0, or -ENOMEM: it is still the caller's. */
int sk_gate_table_add_waiter(SkGateTable *table, SkGateEvent *event, bool *ret_first);

/* Remembers the verdict and answers all that wait for it. Return: how many waited, or -ENOMEM: they were
 * answered, the verdict is not remembered. */
int sk_gate_table_resolve(SkGateTable *table, const SkFileId *file, SkGateVerdict verdict);

/*
 * Answers all that wait for the file without remembering anything: with SK_GATE_DENY after a failure that may
 * pass (scanner crashed, worker replaced), so that the next open asks again. Return: how many waited.
 */
int sk_gate_table_settle(SkGateTable *table, const SkFileId *file, SkGateVerdict verdict);

/* Forgets every verdict, as when definitions changed; what waits goes on waiting. */
void sk_gate_table_forget(SkGateTable *table);

size_t sk_gate_table_files(const SkGateTable *table);
