/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a console has beside its database, in directories that nobody else may enter: the secret of second
 * factors, the vault with its epoch keys, the certificate authority, the certificate of the server, and the
 * state of the chain of records.
 */
#include "console/db/db.h"
#include "console/keys/ca.h"
#include "console/keys/signing.h"
#include "console/keys/vault.h"
#include "console/server/settings.h"
#include "console/store/chain.h"
#include "lib/crypt/secret.h"

typedef struct SkHome {
	SkSecret *secret;
	SkVault *vault;
	SkCa *ca;
	SkSigning *signing;
	SkChain *chain;
	char what[256]; /* what failed, for the message */
} SkHome;

/*
 * A new home for a new database, whose schema is there. host: the name under which people and agents reach
 * the console; this machine's name and localhost are in the certificate, too. What exists already is kept, so
 * that what was cut short at any moment is finished by another call. Return: 0; -ENOTEMPTY the vault belongs
 * to another database; others as below. home->what says of what.
 */
int sk_home_make(
	const SkServerSettings *settings, SkDb *db, const char *organisation, const char *host, SkHome *home);

/*
 * Opens all of it, brings the vault up to the database, and takes the chain up where it ended.
 * Return: 0 or negative errno; home->what says of what, sk_home_advice() what to do.
 */
int sk_home_open(const SkServerSettings *settings, SkDb *db, SkHome *home);

/*
 * The server's certificate ends soon, or its key does not fit, and it is of our own authority: another one
 * for the same names. Return: 1 there is one, 0 nothing to do, or as above.
 */
int sk_home_renew(const SkServerSettings *settings, SkHome *home);
bool sk_home_owns_certificate(const SkServerSettings *settings, const SkHome *home);

/* Where the epoch key is. Return: as above; the caller frees it. */
int sk_home_keystore(const SkServerSettings *settings, SkHome *home, SkKeystore **ret_keystore);

/* What somebody may do about such an error, to be translated; NULL: its words say it. */
const char *sk_home_advice(int error);

/* Seals the chain. */
void sk_home_close(SkHome *home, SkDb *db);
