/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The grants that hold at this PC: what the console signed for it (console_documents.c), less what is
 * revoked, at the time that nobody can set (lib/audit/strict_clock.h). They hold while the network is down.
 * What begins and what ends is a record, and who asked to hear of it hears.
 */
#include <jansson.h>
#include <stdbool.h>

#include "lib/audit/strict_clock.h"
#include "lib/reason/reason.h"

typedef struct Core Core;
typedef struct Grants Grants;

/* After console_open(). Return: 0 or negative errno. */
int grants_open(Core *core);
void grants_close(Core *core);

/* Other documents are in force. */
void grants_changed(Core *core);

typedef struct GrantAsk {
	const char *medium; /* its id in the ledger */
	const char *user;   /* account that wants to open it */
	const char *mode;   /* "read", "read-write", "prepare", "erase", "hand-over", "burn" */
} GrantAsk;

/*
 * May it be opened so, here, now; or erased, which a medium that is frozen may be, too? Return:
 * SK_REASON_NONE and the grant, borrowed until the documents change; or why not: SK_MEDIUM_FROZEN,
 * SK_CLOCK_SET, SK_GRANT_USED, SK_GRANT_NOT_YET, SK_GRANT_OVER, SK_GRANT_REVOKED, SK_GRANT_OTHER_USER,
 * SK_GRANT_NONE.
 */
SkReason grants_find(Core *core, const GrantAsk *ask, const json_t **ret_grant);

/* Is there just one medium that was granted to be treated so here, at some time? Its id then. */
bool grants_only(const Core *core, const char *mode, char *ret_medium, size_t size);

/* The id of a medium that is called so, by its number or its id, where this PC knows it; else the name
 * itself. */
void grants_medium(const Core *core, const char *name, char *ret_medium, size_t size);

/* The grant of this id as it was signed, whatever the time; NULL: there is none any more. */
const json_t *grants_by_id(const Core *core, const char *id);

/* The time that everything of limited validity is judged by; kept on the disk. */
SkStrictTime grants_time(Core *core);

/* For status: [{id, number, label, medium, mode, user, from, until, lease, state}], times in ms. */
json_t *grants_to_json(Core *core);
