/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What came back (OUT-5): the list that a terminal signed when a returned medium was inspected there,
 * compared with the last one of what was carried out. The terminal reads and scans; what is the same is found
 * here, from two lists that are signed.
 */
#include "console/rules/actor.h"

/*
 * manifest: of kind "return", whole. ret_result: how many files are unchanged, changed, new and missing, and
 * of which list ("comparedWith", null: nothing was ever carried out on it). Return: 0 or negative errno.
 */
int sk_inspection_compare(
	const SkActor *actor, const char *medium, const char *manifest, json_t **ret_result);

/*
 * May the medium count as inspected? One that terminals prepared needs an inspection after it went out and
 * after it was written to last. row: of the ledger. ret_result: what it found, a new reference; NULL: it
 * needs none. Return: 0, SK_MEDIUM_NOT_INSPECTED, negative errno.
 */
int sk_inspection_check(const SkActor *actor, const json_t *row, json_t **ret_result);
