/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Ids of rows: 26 characters of Crockford's base32 (digits and capitals without I, L, O, U), of which the
 * first 10 are the milliseconds since 1970 and the rest is chance. They sort by time, so that a page of a
 * list goes on where the last one ended and new rows are written beside each other; they are made here, so
 * that a transaction that is run again writes the same row.
 */
#include <stdbool.h>
#include <stdint.h>

#define SK_ID_LENGTH 26
#define SK_ID_SIZE (SK_ID_LENGTH + 1)

/* A new id, greater than every earlier one of this process, also when the clock is put back. For any thread.
 */
void sk_id_new(char ret_id[SK_ID_SIZE]);

/* Does it look like one? The first character is at most 7. */
bool sk_id_check(const char *id);

/* When it was made, in ms since 1970; 0 for what is no id. */
int64_t sk_id_time(const char *id);
