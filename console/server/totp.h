/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The second factor: codes of RFC 6238 (SHA-1, 6 digits, 30 s, as all authenticator apps make them). A code
 * is good once: the step of the last one is kept.
 */
#include "console/server/call.h"

/* A new seed of the caller, not in force yet. Answers SECRET and URI for the app; the caller frees both. */
int sk_totp_begin(SkCall *call, char **ret_secret, char **ret_uri);

/* pending: the seed that is not in force yet. Return: 0 it is right (and used up), -EKEYREJECTED, -ENOENT the
 * person has none, others of the database. */
int sk_totp_check(SkCall *call, const char *person, const char *code, bool pending);

/* What was begun is in force, in place of what was before. Inside a transaction. */
int sk_totp_confirm(SkDb *db, const char *person);
