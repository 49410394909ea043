/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The home of one more instance on a database that has a console: it asks, a person lets it in at an instance
 * that serves, and it gets what that one has.
 */
#include "console/keys/handover.h"
#include "console/server/home.h"

typedef struct SkHomeJoin {
	char instance[SK_VAULT_ID_SIZE];
	char fingerprint[SK_HANDOVER_FINGERPRINT_SIZE]; /* for the person who lets it in */
	SkJoin *join;
} SkHomeJoin;

/* Asks. Return: 0, -ENOENT the database has no console, -EALREADY this is one of its instances, others;
 * home->what says of what. */
int sk_home_join_ask(const SkServerSettings *settings, SkDb *db, SkHome *home, SkHomeJoin *ret_join);

/* Return: 0 the home is there, with its authority open; -EAGAIN nobody let it in yet; others as above. */
int sk_home_join_take(
	const SkServerSettings *settings, SkDb *db, const char *host, SkHome *home, SkHomeJoin *join);

void sk_home_join_deinit(SkHomeJoin *join);
