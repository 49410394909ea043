/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf/hours.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/base/str.h"

#define DAY_MINUTES (24 * 60)
#define DAYS 7
#define LOOK_AHEAD (8 * DAY_MINUTES)

static const char *const day_names[DAYS] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

typedef struct Reader {
	const char *text;
	const char *at;
	SkValueError *error;
} Reader;

static int fail(const Reader *reader, const char *words)
{
	sk_str_copy(reader->error->text, sizeof(reader->error->text), words);
	reader->error->offset = (size_t)(reader->at - reader->text);
	return -EINVAL;
}

static void skip_blanks(Reader *reader)
{
	reader->at += strspn(reader->at, " \t");
}

static bool is_end_of_word(char c)
{
	return c == 0 || strchr(" \t,-", c) != NULL;
}

static int read_day(Reader *reader, int *ret_day)
{
	for (int day = 0; day < DAYS; day++)
		if (strncasecmp(reader->at, day_names[day], 3) == 0 && is_end_of_word(reader->at[3])) {
			reader->at += 3;
			*ret_day = day;
			return 0;
		}
	return fail(reader, "expected a day: Mon, Tue, Wed, Thu, Fri, Sat, Sun or daily");
}

static int read_days(Reader *reader, bool ret_days[DAYS])
{
	int first, last, r;

	if (strncasecmp(reader->at, "daily", 5) == 0 && is_end_of_word(reader->at[5])) {
		reader->at += 5;
		memset(ret_days, true, DAYS * sizeof(*ret_days));
		return 0;
	}
	r = read_day(reader, &first);
	last = first;
	if (r == 0 && *reader->at == '-') {
		reader->at++;
		r = read_day(reader, &last);
	}
	if (r < 0)
		return r;
	/* Fri-Mon is a week-end, too. */
	for (int day = first;; day = (day + 1) % DAYS) {
		ret_days[day] = true;
		if (day == last)
			return 0;
	}
}

static int digits_of(const char *text)
{
	bool two = text[0] >= '0' && text[0] <= '9' && text[1] >= '0' && text[1] <= '9';

	return two ? (text[0] - '0') * 10 + text[1] - '0' : -1;
}

/* Return: 0; minutes since midnight, up to 24:00. */
static int read_time(Reader *reader, int *ret_minutes)
{
	int hour = digits_of(reader->at), minute = -1;

	if (hour >= 0 && reader->at[2] == ':')
		minute = digits_of(reader->at + 3);
	if (minute < 0)
		return fail(reader, "expected a time like 07:00");
	if (minute > 59 || hour * 60 + minute > DAY_MINUTES)
		return fail(reader, "there is no such time; 00:00 to 24:00");
	reader->at += 5;
	*ret_minutes = hour * 60 + minute;
	return 0;
}

static int read_span(Reader *reader, int *ret_from, int *ret_until)
{
	int r = read_time(reader, ret_from);

	if (r == 0 && *reader->at != '-')
		return fail(reader, "expected - and a second time, as in 07:00-20:00");
	if (r == 0) {
		reader->at++;
		r = read_time(reader, ret_until);
	}
	if (r == 0 && *ret_from % DAY_MINUTES == *ret_until % DAY_MINUTES &&
		*ret_until - *ret_from != DAY_MINUTES) {
		reader->at -= 5;
		return fail(reader, "it ends when it begins; a whole day is 00:00-24:00");
	}
	return r;
}

/* Until is before from: over midnight, and of Saturday into Sunday. */
static void add_span(SkHours *hours, int day, int from, int until)
{
	int length = (until - from + DAY_MINUTES) % DAY_MINUTES;

	for (int i = 0; i < (length ? length : DAY_MINUTES); i++) {
		int minute = (day * DAY_MINUTES + from + i) % SK_HOURS_MINUTES;

		hours->open[minute / 8] |= (uint8_t)(1u << (minute % 8));
	}
}

static int read_item(Reader *reader, SkHours *hours)
{
	bool days[DAYS] = {false};
	int from, until, r;

	skip_blanks(reader);
	r = read_days(reader, days);
	if (r < 0)
		return r;
	if (*reader->at != ' ' && *reader->at != '\t')
		return fail(reader, "expected a blank and the hours, as in Mon-Fri 07:00-20:00");
	skip_blanks(reader);
	r = read_span(reader, &from, &until);
	if (r < 0)
		return r;
	skip_blanks(reader);
	for (int day = 0; day < DAYS; day++)
		if (days[day])
			add_span(hours, day, from, until);
	return 0;
}

int sk_hours_parse(const char *text, SkHours *ret_hours, SkValueError *ret_error)
{
	Reader reader = {.text = text, .at = text, .error = ret_error};
	SkHours hours = {.any = sk_str_eq(text, "any")};
	int r = 0;

	while (!hours.any) {
		r = read_item(&reader, &hours);
		if (r < 0)
			return r;
		if (*reader.at == 0)
			break;
		if (*reader.at != ',')
			return fail(&reader, "expected a comma between two items");
		reader.at++;
	}
	*ret_hours = hours;
	return 0;
}

bool sk_hours_are_open(const SkHours *hours, time_t at)
{
	struct tm local;

	if (hours->any || !localtime_r(&at, &local))
		return true;
	int minute = (local.tm_wday * DAY_MINUTES + local.tm_hour * 60 + local.tm_min) % SK_HOURS_MINUTES;

	return hours->open[minute / 8] & (1u << (minute % 8));
}

time_t sk_hours_next_change(const SkHours *hours, time_t at)
{
	bool open = sk_hours_are_open(hours, at);
	time_t minute = at - at % 60;

	/* By the real time, minute by minute: what the time zone does on the way is in it. */
	for (int i = 1; !hours->any && i <= LOOK_AHEAD; i++)
		if (sk_hours_are_open(hours, minute + (time_t)i * 60) != open)
			return minute + (time_t)i * 60;
	return 0;
}
