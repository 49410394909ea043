/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Proofs of who somebody is, and the lock-out. What is refused is refused in the same words and after the
 * same work whether the id exists or not, and locks a name that nobody has just as one that somebody has.
 *
 * After every 5 refusals in a row the name is locked: 30 s, then twice as long each time, at most an hour; an
 * address is refused after 30 refusals in 10 minutes.
 */
#include "console/server/call.h"

typedef struct SkSignIn {
	char person[SK_ID_SIZE]; /* "": nobody has the name */
	char login[SK_VALIDATE_DETAIL_SIZE];
	char hash[128];
	bool active, must_change, second_factor;
	int64_t expires; /* of a one-time password; 0: never */
	uint8_t login_hash[32];
} SkSignIn;

/* Two logins that differ in capitals only are one: the form in which they are the same. */
void sk_sign_in_key(const char *login, char *ret_key, size_t size);

/*
 * Finds the account and whether it, or the address, is locked out. Return: 0 (refused already when
 * call->reply.status is not 0) or negative errno.
 */
int sk_sign_in_begin(SkCall *call, const char *login, SkSignIn *ret_sign_in);

/* Return: 0 it is the password, -EACCES it is not or may not be used, others of the system. */
int sk_sign_in_password(const SkSignIn *sign_in, const char *password);

/* The account alone: who proved themselves in another way is not held up by refused passwords. Return: 0
 * (person
 * "" when nobody has the name) or negative errno. */
int sk_sign_in_find(SkCall *call, const char *login, SkSignIn *ret_sign_in);

/* The same, by the id of the person. */
int sk_sign_in_find_person(SkCall *call, const char *person, SkSignIn *ret_sign_in);

/* May this address begin another sign-in now? Refuses, and returns false, when it began too many. */
bool sk_sign_in_admit(SkCall *call);

/* A session in place of what was before, as whole as it can be; second_given: a second factor was. method:
 * for the records. Return: 0 it is answered, or negative errno. */
int sk_sign_in_finish(SkCall *call, const SkSignIn *sign_in, bool second_given, const char *method);

/* Puts the attempt on record. method: "password", "totp". Return: 0 or negative errno. */
int sk_sign_in_record(SkCall *call, const SkSignIn *sign_in, const char *method, bool good);

/* The account is signed in from now on: shown at the next time. Inside or outside of a transaction. */
int sk_sign_in_note(SkCall *call, const SkSignIn *sign_in);
