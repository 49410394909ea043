/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * USBGuard reads times with strptime(3): "%H:%M:%s", else "%H:%M", and ignores what follows. %s is not
 * seconds of the minute but of the epoch and overwrites the hour and minute read before it. In localtime()
 * that is kept, because the first matching rule must be the same, and lint warns of it;
 * sk_clock_parse_duration() means what the manual says.
 */
#include <ctype.h>
#include <string.h>

#include "lib/base/str.h"
#include "policy/parse.h"

#define MINUTE 60u
#define HOUR (60u * MINUTE)
#define DAY (24u * HOUR)
/* Later than this is no year that fits struct tm; localtime(3) then fails, and so does %s. */
#define EPOCH_SECONDS_MAX UINT64_C(67768036191676799)

typedef struct Reader {
	const char *at, *end;
} Reader;

static bool digit_at(const Reader *reader)
{
	return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

/* As strptime does: white space before it is skipped; no further digit once it could only become too large.
 */
static bool read_number(Reader *reader, uint32_t max, uint32_t *ret_value)
{
	uint32_t value;

	while (reader->at < reader->end && strchr(" \t\v\f", *reader->at) && *reader->at)
		reader->at++;
	if (!digit_at(reader))
		return false;
	value = (uint32_t)(*reader->at++ - '0');
	if (value * 10 <= max && digit_at(reader))
		value = value * 10 + (uint32_t)(*reader->at++ - '0');
	*ret_value = value;
	return value <= max;
}

static bool read_char(Reader *reader, char c)
{
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

static bool read_hour_minute(Reader *reader, uint32_t *ret_seconds)
{
	uint32_t hour, minute;

	if (!read_number(reader, 23, &hour) || !read_char(reader, ':') || !read_number(reader, 59, &minute))
		return false;
	*ret_seconds = hour * HOUR + minute * MINUTE;
	return true;
}

static bool read_seconds(Reader *reader, uint64_t *ret_seconds)
{
	uint64_t seconds = 0;

	if (!digit_at(reader))
		return false;
	while (digit_at(reader)) {
		if (seconds > EPOCH_SECONDS_MAX)
			return false;
		seconds = seconds * 10 + (uint64_t)(*reader->at++ - '0');
	}
	*ret_seconds = seconds;
	return seconds <= EPOCH_SECONDS_MAX;
}

static bool read_daytime(SkPolicyText text, uint32_t *ret_second, bool *quirk)
{
	Reader reader = {text.data, text.data + text.size}, more;
	uint64_t seconds;

	if (!read_hour_minute(&reader, ret_second))
		return false;
	more = reader;
	if (read_char(&more, ':') && read_seconds(&more, &seconds)) {
		*ret_second = (uint32_t)(seconds % DAY);
		*quirk = true;
	}
	return true;
}

bool sk_clock_parse_localtime(const SkPolicyText *text, SkCondition *ret_condition)
{
	const char *dash = text->size ? memchr(text->data, '-', text->size) : NULL;
	size_t before = dash ? (size_t)(dash - text->data) : text->size;
	SkPolicyText end = {text->data + text->size, 0};
	uint32_t first, last;
	bool quirk = false;

	if (dash)
		end = (SkPolicyText){dash + 1, text->size - before - 1};
	if (!read_daytime((SkPolicyText){text->data, before}, &first, &quirk))
		return false;
	last = first;
	if (end.size && !read_daytime(end, &last, &quirk))
		return false;
	if (first > last)
		return false;
	ret_condition->begin = first;
	ret_condition->end = last;
	ret_condition->quirk_seconds = quirk;
	return true;
}

bool sk_clock_parse_duration(const SkPolicyText *text, double *ret_seconds)
{
	Reader reader = {text->data, text->data + text->size};
	uint32_t hour_minute;
	uint64_t seconds = 0;

	if (!text->size) {
		*ret_seconds = 0;
		return true;
	}
	if (read_hour_minute(&reader, &hour_minute)) {
		if (!read_char(&reader, ':') || !read_seconds(&reader, &seconds))
			seconds = 0;
		*ret_seconds = (double)hour_minute + (double)seconds;
		return true;
	}
	reader.at = text->data;
	if (!read_seconds(&reader, &seconds))
		return false;
	*ret_seconds = (double)seconds;
	return true;
}

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static bool read_day(Reader *reader, uint32_t *ret_day)
{
	if (reader->end - reader->at < 3)
		return false;
	for (uint32_t day = 0; day < SK_ARRAY_SIZE(day_names); day++)
		if (strncasecmp(reader->at, day_names[day], 3) == 0) {
			reader->at += 3;
			*ret_day = day;
			return true;
		}
	return false;
}

/* "Mon", "Mon-Fri", "Sat-Mon", "Mon,Wed,Fri-Sun" */
static bool read_days(Reader *reader, uint8_t *ret_days)
{
	uint8_t days = 0;

	do {
		uint32_t first, last;

		if (!read_day(reader, &first))
			return false;
		last = first;
		if (read_char(reader, '-') && !read_day(reader, &last))
			return false;
		for (uint32_t day = first;; day = (day + 1) % 7) {
			days |= (uint8_t)(1u << day);
			if (day == last)
				break;
		}
	} while (read_char(reader, ','));
	*ret_days = days;
	return true;
}

/* "HH:MM" with two digits each; 24:00 is the end of the day. */
static bool read_window_time(Reader *reader, uint32_t *ret_seconds)
{
	const char *at = reader->at;

	if (reader->end - at >= 5 && memcmp(at, "24:00", 5) == 0) {
		reader->at += 5;
		*ret_seconds = DAY;
		return true;
	}
	return digit_at(reader) && read_hour_minute(reader, ret_seconds) && reader->at - at == 5;
}

bool sk_clock_parse_window(const SkPolicyText *text, SkTimeWindow *ret_window)
{
	Reader reader = {text->data, text->data + text->size};
	SkTimeWindow window = {.days = 0x7F};

	if (reader.at < reader.end && isalpha((unsigned char)*reader.at) &&
		(!read_days(&reader, &window.days) || !read_char(&reader, ' ')))
		return false;
	if (!read_window_time(&reader, &window.begin) || !read_char(&reader, '-') ||
		!read_window_time(&reader, &window.end) || reader.at != reader.end)
		return false;
	if (window.begin == window.end || window.begin == DAY)
		return false;
	*ret_window = window;
	return true;
}
