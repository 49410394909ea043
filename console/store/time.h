/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Times are milliseconds since 1970 (UTC) in the database and RFC 3339 with three decimals and "Z" in the
 * API.
 */
#include <stdbool.h>
#include <stdint.h>

#define SK_TIME_SIZE 25			     /* 2026-01-31T23:59:59.000Z and its ending 0 */
#define SK_TIME_MIN INT64_C(-62135596800000) /* 0001-01-01T00:00:00Z */
#define SK_TIME_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

int64_t sk_time_now(void);

/* Return: false beyond SK_TIME_MIN and SK_TIME_MAX. */
bool sk_time_format(char ret_text[SK_TIME_SIZE], int64_t time);

/*
 * The date-time of RFC 3339, strictly: capital T and Z or an offset, real days of the calendar, no leap
 * second (the clock of the computer does not know them), at most 9 decimals of which three are kept. Return:
 * 0 or -EINVAL.
 */
int sk_time_parse(const char *text, int64_t *ret_time);
