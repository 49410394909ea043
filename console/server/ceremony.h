/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is begun in one answer and finished by a later request, perhaps at another console: a challenge of a
 * passkey, a sign-in at a provider. Each is good once, and not for long. The database has only the digest of
 * the id, so who reads it cannot finish anything.
 */
#include "console/db/db.h"
#include "console/store/id.h"
#include "lib/crypt/kdf.h"

#define SK_CEREMONY_MS INT64_C(300000)

typedef struct SkCeremony {
	const char *kind;   /* constant: an id of one kind is none of another */
	SkBytes id;	    /* of chance, 32 bytes */
	const char *person; /* who began it; NULL: nobody knows yet */
	const char *data;   /* what has to be remembered, JSON */
} SkCeremony;

int sk_ceremony_begin(SkDb *db, const SkCeremony *ceremony);

typedef struct SkCeremonyTaken {
	char person[SK_ID_SIZE]; /* "": nobody */
	char *data;		 /* the caller frees it */
} SkCeremonyTaken;

/* Return: 0, -ENOENT there is none: it is over, was finished before, or never was; others of the database. */
int sk_ceremony_take(SkDb *db, const char *kind, SkBytes id, SkCeremonyTaken *ret_taken);
