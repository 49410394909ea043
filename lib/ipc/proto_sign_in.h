/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * pam_sekisho <-> core. The module runs in the program at which somebody signs in (as root), asks or tells
 * one thing, and goes. Names in it are foreign: whoever signs in typed them, or the network said so.
 */
#include "lib/ipc/proto.h"

enum {
	SK_SIGN_IN_MAY = 0x0801, /* module -> core: SkSignIn; may he, now? -> SK_SIGN_IN_ANSWER */
	SK_SIGN_IN_BEGUN,  /* the session begins -> SK_SIGN_IN_ANSWER: what he is told of the last one */
	SK_SIGN_IN_FAILED, /* not recognised -> SK_SIGN_IN_ANSWER */
	SK_SIGN_IN_ENDED,  /* -> SK_SIGN_IN_ANSWER */
	SK_SIGN_IN_ANSWER = 0x0881,
};

#define SK_SIGN_IN_NOBODY UINT32_MAX /* there is no such user */

/* What whoever signs in can read. */
enum {
	SK_LETTERS_BOTH = 0, /* Japanese, then English */
	SK_LETTERS_JAPANESE,
	SK_LETTERS_ENGLISH,
	SK_LETTERS_ASCII, /* the kernel's console: it has no others */
	SK_LETTERS_MAX_,
};

typedef struct SkSignIn {
	SkHead head;
	uint32_t uid;
	uint32_t unlocks; /* 1: no new session, a locked one */
	uint32_t letters;
	uint32_t reserved;
	char user[64]; /* "" where there is no such user: people type passwords there */
	char service[32];
	char tty[64];
	char host[256];	  /* from where, over the network */
	char seat[32];	  /* as logind names it; "": not known */
	char session[64]; /* likewise */
} SkSignIn;

typedef struct SkSignInAnswer {
	SkHead head;
	uint32_t refused; /* 1: he may not */
	uint32_t reserved;
	char text[1024]; /* to be shown, lines; may be empty */
} SkSignInAnswer;
