/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Codes that a security officer reads out to a terminal without a network: 12 characters, shown as
 * XXXX-XXXX-XXXX.
 *
 *	counter (12 bits) | length of the window (3) | hour of its start, modulo 32 (5) | MAC (35) | check (5)
 *
 * Letters are Crockford's base32: no I, L, O, U; what is typed may be small, with blanks and hyphens, with O
 * for 0 and I or L for 1. The check character is a sum over GF(32) in which each place has a weight of its
 * own, so that every single wrong character and every two neighbours in the wrong order are noticed as a
 * slip, and not taken for a guess.
 *
 * The MAC is HMAC-SHA-256 with a secret that terminal and console share since enrolment, over terminal,
 * medium, user, action, counter and window, so the code opens nothing else. 35 bits: a guess is right once
 * in 3.4e10; a terminal that takes SK_OFFLINE_TRIES_PER_HOUR wrong ones and then waits gives a guesser at it
 * day and night one chance in 780,000 a year. The agent has to keep that limit, and to remember which
 * counters it has taken until their window is over (single use); the console gives out each counter of a
 * terminal once. Revoking a code works as soon as the terminal hears of it; until then the end of the window
 * is what ends it.
 */
#include <stdint.h>

#define SK_OFFLINE_CODE_SIZE 15 /* with two hyphens and the ending 0 */
#define SK_OFFLINE_SECRET_SIZE 32
#define SK_OFFLINE_COUNTER_MAX 4095
#define SK_OFFLINE_TRIES_PER_HOUR 5

/* 1, 2, 4, 8, 12, 16, 20, 24 hours, by index. */
#define SK_OFFLINE_LENGTHS 8
unsigned sk_offline_hours(unsigned length_index);

typedef struct SkOfflineBinding {
	const char *terminal_id, *medium_id, *user, *action;
} SkOfflineBinding;

typedef struct SkOfflineCode {
	unsigned counter;      /* 0 to SK_OFFLINE_COUNTER_MAX */
	unsigned length_index; /* below SK_OFFLINE_LENGTHS */
	int64_t start_hour;    /* hours since 1970, UTC; at most one ahead of the time of use */
} SkOfflineCode;

/* Return: 0 or -EINVAL. */
int sk_offline_code_format(const uint8_t secret[SK_OFFLINE_SECRET_SIZE], const SkOfflineBinding *binding,
	const SkOfflineCode *code, char ret_text[SK_OFFLINE_CODE_SIZE]);

/*
 * now: ms since 1970. Return: 0 and what it is, so that it can be marked used; -EINVAL a slip (does not count
 * as a try); -EACCES no code for this (counts); -ETIME it was one, and its window is not now.
 */
int sk_offline_code_verify(const uint8_t secret[SK_OFFLINE_SECRET_SIZE], const SkOfflineBinding *binding,
	const char *text, int64_t now, SkOfflineCode *ret_code);
