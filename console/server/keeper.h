/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A thread that keeps this instance in step with the others: it makes each change of the keys that another
 * one ordered (console/keys/epoch.h, signing.h) and confirms it, goes on with renewals, and says that this
 * instance lives. An instance that cannot make a change up may serve nothing: sk_keeper_is_lost().
 */
#include <stdbool.h>

#include "console/server/home.h"
#include "lib/base/own.h"

typedef struct SkKeeper SkKeeper;

/* All are borrowed. database: for sk_db_open(). Return: 0, -ENOMEM, -EAGAIN. */
int sk_keeper_new(const char *database, const SkHome *home, SkKeeper **ret_keeper);
void sk_keeper_free(SkKeeper *keeper);

/* It missed what cannot be made up for: the instance has to join again. For any thread. */
bool sk_keeper_is_lost(const SkKeeper *keeper);
