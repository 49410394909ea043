/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/store/time.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/base/str.h"

#define DAY_MS INT64_C(86400000)

int64_t sk_time_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

bool sk_time_format(char ret_text[SK_TIME_SIZE], int64_t time)
{
	int64_t ms = (time % 1000 + 1000) % 1000;
	time_t seconds;
	struct tm tm;

	if (time < SK_TIME_MIN || time > SK_TIME_MAX)
		return false;
	seconds = (time_t)((time - ms) / 1000);
	if (!gmtime_r(&seconds, &tm))
		return false;
	return sk_str_format(ret_text, SK_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)ms);
}

/* Days since 1970-01-01, with years that begin in March so that the leap day is last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* digits digits and then the character end, unless that is 0. */
static bool take(const char **text, int digits, char end, int *ret_number)
{
	int number = 0;

	for (int i = 0; i < digits; i++, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		number = number * 10 + (**text - '0');
	}
	if (end && *(*text)++ != end)
		return false;
	*ret_number = number;
	return true;
}

/* ".123456789": three decimals count, the others are cut. */
static bool take_decimals(const char **text, int *ret_ms)
{
	int ms = 0, digits = 0;

	if (**text != '.') {
		*ret_ms = 0;
		return true;
	}
	for ((*text)++; **text >= '0' && **text <= '9'; (*text)++, digits++)
		if (digits < 3)
			ms = ms * 10 + (**text - '0');
	for (int i = digits; i < 3; i++)
		ms *= 10;
	*ret_ms = ms;
	return digits >= 1 && digits <= 9;
}

/* "Z" or "+09:00", and the end. */
static bool take_offset(const char *text, int *ret_minutes)
{
	int hours, minutes, sign = *text == '-' ? -1 : 1;

	if (sk_str_eq(text, "Z")) {
		*ret_minutes = 0;
		return true;
	}
	if (*text != '+' && *text != '-')
		return false;
	text++;
	if (!take(&text, 2, ':', &hours) || !take(&text, 2, '\0', &minutes) || *text || hours > 23 ||
		minutes > 59)
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

int sk_time_parse(const char *text, int64_t *ret_time)
{
	int year, month, day, hour, minute, second, ms, offset;
	int64_t time;

	if (!take(&text, 4, '-', &year) || !take(&text, 2, '-', &month) || !take(&text, 2, 'T', &day) ||
		!take(&text, 2, ':', &hour) || !take(&text, 2, ':', &minute) ||
		!take(&text, 2, '\0', &second) || !take_decimals(&text, &ms) || !take_offset(text, &offset))
		return -EINVAL;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 ||
		minute > 59 || second > 59)
		return -EINVAL;
	time = days_of(year, month, day) * DAY_MS +
	       (((hour * INT64_C(60) + minute - offset) * 60) + second) * 1000 + ms;
	if (time < SK_TIME_MIN || time > SK_TIME_MAX)
		return -EINVAL;
	*ret_time = time;
	return 0;
}
