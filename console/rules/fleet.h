/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* How all terminals are: a row for each with what it told last, the evidence of its screen lock and how many
 * alerts are about it. */
#include <jansson.h>
#include <stddef.h>

#include "console/db/db.h"
#include "console/store/sql.h"

typedef struct SkFleetPage {
	const char *facility; /* only this one; NULL: all of the scope */
	const char *after;    /* id of a terminal; NULL: from the start */
	size_t limit;
} SkFleetPage;

/* {items, next}: a new reference. Return: 0 or negative errno. */
int sk_fleet_list(SkDb *db, const SkScope *scope, const SkFleetPage *page, json_t **ret_answer);
