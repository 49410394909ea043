/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Sessions of people. A session is a token of 32 random bytes that only the browser has; the database has its
 * SHA-256. Every request reads it anew, so that a session that was ended anywhere has ended everywhere.
 */
#include "console/server/call.h"

#define SK_SESSION_COOKIE "__Host-sekisho"

/* Fills call->caller when the token is of a living session; else leaves its session empty. Return: 0 or
 * negative errno of the database. */
int sk_session_load(SkCall *call, const char *token);

typedef struct SkSessionBeginning {
	const char *person;
	SkSessionState state;
	bool second_factor; /* was given */
	const char *method; /* how, for the records */
} SkSessionBeginning;

/*
 * A new session in place of the call's, with a new token (Set-Cookie of the answer): nobody can have put the
 * token into the browser before. Return: 0 or negative errno.
 */
int sk_session_begin(SkCall *call, const SkSessionBeginning *what);

/* The person proved who they are, now. */
int sk_session_prove(SkCall *call);
int sk_session_end(SkCall *call);

/* Inside of a transaction: one session, or all of a person but one ("" for none). */
int sk_session_end_row(SkDb *db, const char *session, const char *why);
int sk_session_end_all(SkDb *db, const char *person, const char *but, const char *why);

const char *sk_session_state_name(SkSessionState state);
