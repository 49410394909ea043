/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Virus definitions that this console serves: what the mirror left in its folder (console/definitions), which
 * proved where each file comes from. Agents get a signed list of all of them, whole, with a serial that only
 * grows, and fetch by digest what they do not have.
 */
#include "console/rules/actor.h"

extern const SkTable sk_definition_files_table;

/*
 * files: of current.json. What is newer than what is served takes its place; when something did, it is a
 * record and every terminal hears of it. Return: as in actor.h; -EBADMSG it is no such list.
 */
int sk_definitions_take(const SkActor *actor, const json_t *files);

/* Of the list as it is now; 0: there is none. */
int sk_definitions_serial(SkDb *db, int64_t *ret_serial);

/*
 * The list: {terminal: "*", serial, files: [{name, number, built, size, sha256}]}. is_here: has this process
 * the file with that digest? Return: 0; -ENOENT there is none; others.
 */
int sk_definitions_list(
	SkDb *db, bool (*is_here)(void *userdata, const char *sha256), void *userdata, json_t **ret_payload);

/* After how many seconds at most an agent begins to fetch, so that they do not all come at once. */
int sk_definitions_spread(SkDb *db, int64_t *ret_seconds);

typedef struct SkAgesPage {
	const char *after; /* a terminal; "": from the first */
	unsigned limit;
	int64_t now;
} SkAgesPage;

/*
 * How old the definitions of terminals are (MAL-2), by the limits of the policy that each runs: rows of
 * DefinitionAge of the contract. The caller owns them.
 */
int sk_definitions_ages(SkDb *db, const SkScope *scope, const SkAgesPage *page, json_t **ret_rows);
