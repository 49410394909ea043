/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Passkeys of people: rows of credentials, of kind passkey. What an authenticator says is judged by
 * passkey_verify.h; here are challenges, which are good once and at any console, and counters.
 */
#include "console/rules/actor.h"
#include "console/server/call.h"
#include "console/server/passkey_verify.h"
#include "lib/crypt/base64.h"

/* A challenge as base64url, for a key that the caller makes, or (person NULL) for any that is there. */
#define SK_PASSKEY_CHALLENGE_TEXT SK_BASE64_SIZE(SK_PASSKEY_CHALLENGE_SIZE)
int sk_passkey_challenge(SkCall *call, const char *person, char ret_challenge[SK_PASSKEY_CHALLENGE_TEXT]);

/*
 * The new key of the caller in the call's body. Return: 0; -EBADMSG it was refused; -ENOENT the challenge is
 * over; -EEXIST the key is somebody's already; others.
 */
int sk_passkey_register(SkCall *call, char ret_id[SK_ID_SIZE]);

typedef struct SkPasskeyOwner {
	char person[SK_ID_SIZE]; /* "": nobody has the key */
	char login[SK_VALIDATE_DETAIL_SIZE];
	char credential[SK_ID_SIZE];
	bool active;
} SkPasskeyOwner;

/*
 * Who has signed what is in the call's body; also when it is refused, as far as it is known. person: who it
 * has to be, NULL: anybody. Return: 0; -EBADMSG it was refused; -ENOENT the challenge is over; others.
 */
int sk_passkey_prove(SkCall *call, const char *person, SkPasskeyOwner *ret_owner);

/* One key as Passkey of the contract; all of a person. */
int sk_passkey_list(SkDb *db, const char *person, json_t **ret_items);
int sk_passkey_describe(SkDb *db, const char *id, json_t **ret_passkey);

/* Inside a transaction. Return: 0; SK_PASSKEY_UNKNOWN; SK_SECOND_FACTOR_LAST; others. */
int sk_passkey_remove(const SkActor *actor, const char *id);
