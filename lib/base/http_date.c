/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/http_date.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/base/str.h"

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void sk_http_date_format(char ret_text[SK_HTTP_DATE_SIZE], int64_t time)
{
	time_t when = (time_t)time;
	struct tm tm;

	gmtime_r(&when, &tm);
	sk_str_format(ret_text, SK_HTTP_DATE_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT",
		days[tm.tm_wday % 7], tm.tm_mday % 100, months[tm.tm_mon % 12], (tm.tm_year + 1900) % 10000,
		tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
}

static int digits(const char *text, size_t count)
{
	int value = 0;

	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

/* What was read is right when it is written the same: days that no month has are not. */
int sk_http_date_parse(const char *text, int64_t *ret_time)
{
	char again[SK_HTTP_DATE_SIZE];
	struct tm tm = {.tm_mon = -1};
	int64_t time;

	if (strlen(text) != SK_HTTP_DATE_SIZE - 1)
		return -EINVAL;
	for (int month = 0; month < 12; month++)
		if (memcmp(text + 8, months[month], 3) == 0)
			tm.tm_mon = month;
	tm.tm_mday = digits(text + 5, 2);
	tm.tm_year = digits(text + 12, 4) - 1900;
	tm.tm_hour = digits(text + 17, 2);
	tm.tm_min = digits(text + 20, 2);
	tm.tm_sec = digits(text + 23, 2);
	if (tm.tm_mon < 0 || tm.tm_year < 70)
		return -EINVAL;
	time = timegm(&tm);
	sk_http_date_format(again, time);
	if (memcmp(text, again, SK_HTTP_DATE_SIZE) != 0)
		return -EINVAL;
	*ret_time = time;
	return 0;
}
