/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A call that does something: who the caller is to the rules (console/rules/actor.h), in which facilities, in
 * one transaction with its record.
 */
#include "console/rules/actor.h"
#include "console/server/call.h"

/*
 * Runs the rule in a transaction. userdata: what it needs; a transaction may be run again, so the rule writes
 * its results only at its end, and frees what an earlier run left. Return: 0 done; 1 the rule refused, and
 * the call was answered so; or negative errno for the handler to forward.
 */
int sk_call_act(SkCall *call, int (*rule)(const SkActor *actor, void *userdata), void *userdata);

/* The answer of a handler that acted: r of sk_call_act(), and a row by its id when that was 0. */
int sk_call_answer_row(SkCall *call, int r, unsigned status, const SkTable *table, const char *id);

/* A page of a table by the parameters limit, after and sort of the call, and these filters. */
int sk_call_answer_list(SkCall *call, const SkTable *table, const SkFilter *filters, size_t n_filters);

/* The same of rows that have more than their table: add puts it into each. filter: may have no text. */
typedef int (*SkRowAdd)(SkDb *db, json_t *row);
int sk_call_answer_list_with(SkCall *call, const SkTable *table, const SkFilter *filter, SkRowAdd add);
