/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Days in Japan: the dates that legal terms are counted in. Pure; no time zone database (Japan Standard Time
 * is UTC+9 and has no summer time). Days are counted from 1970-01-01.
 */
#include <stdbool.h>
#include <stdint.h>

typedef struct SkDate {
	int year;
	int month; /* 1 to 12 */
	int day;   /* 1 to 31 */
} SkDate;

/* The day in Japan of a moment in ms since 1970. */
int64_t sk_day_of(int64_t ms);
/* The last millisecond of a day in Japan. */
int64_t sk_day_end(int64_t day);

SkDate sk_date_of(int64_t day);
int64_t sk_day_from(int year, int month, int day);

/* 0 Sunday to 6 Saturday. */
int sk_day_weekday(int64_t day);

/*
 * A national holiday (国民の祝日に関する法律, as of 2026: with substitute holidays and the days between two
 * of them). The equinoxes are by the usual approximation, good to 2099; the government announces each in the
 * February before.
 */
bool sk_day_is_holiday(int64_t day);

/* Are public offices closed: Saturday, Sunday, holiday, or 29 December to 3 January
 * (行政機関の休日に関する法律)? */
bool sk_day_is_closed(int64_t day);
