/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The worst day: the directory of keys is gone, the database is there (from its backup), and so is a copy
 * that somebody kept (console/rules/key_copies.h). Where the recovery key is, off the network, the copy is
 * opened and sealed again to a key that only this process has, so neither the recovery key nor the open copy
 * is ever on this machine before it is ours.
 */
#include "console/server/home.h"
#include "lib/crypt/box.h"

typedef struct SkHomeRecovery {
	SkSecret *secret;
	uint8_t public_key[SK_BOX_KEY_SIZE]; /* what the copy is to be sealed to */
	char vault[SK_VAULT_ID_SIZE];	     /* that the database belongs to */
} SkHomeRecovery;

/* Return: 0, -ENOENT the database has no console, -EALREADY there are keys here, others; home->what says of
 * what. */
int sk_home_recover_ask(
	const SkServerSettings *settings, SkDb *db, SkHome *home, SkHomeRecovery *ret_recovery);

/*
 * handed: the text of what was sealed again. Afterwards this is a console of the database, with the authority
 * open. Return: 0; -EBADMSG not a copy of this vault, or not for this process; -ESTALE the copy is from
 * before a renewal; others as above.
 */
typedef struct SkHandedBack {
	const char *text;
	size_t size;
	const char *host; /* as for sk_home_make(); may be NULL */
} SkHandedBack;
int sk_home_recover_take(const SkServerSettings *settings, SkDb *db, const SkHomeRecovery *recovery,
	const SkHandedBack *handed, SkHome *home);

void sk_home_recovery_deinit(SkHomeRecovery *recovery);
