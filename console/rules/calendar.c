/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/calendar.h"

#include <stddef.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define JAPAN_MS (INT64_C(9) * 3600 * 1000)

enum { SUNDAY, MONDAY, SATURDAY = 6 };

/* Division that rounds down also for times before 1970. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t sk_day_of(int64_t ms)
{
	return floor_div(ms + JAPAN_MS, DAY_MS);
}

int64_t sk_day_end(int64_t day)
{
	return (day + 1) * DAY_MS - JAPAN_MS - 1;
}

/* The Gregorian calendar in years that begin in March, so that the leap day is the last. */
int64_t sk_day_from(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = floor_div(y, 400), of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

SkDate sk_date_of(int64_t day)
{
	int64_t z = day + 719468, era = floor_div(z, 146097), of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t m = (5 * of_year + 2) / 153;
	int month = (int)(m < 10 ? m + 3 : m - 9);

	return (SkDate){
		(int)(year + era * 400) + (month <= 2), month, (int)(of_year - (153 * m + 2) / 5 + 1)};
}

int sk_day_weekday(int64_t day)
{
	return (int)(day - floor_div(day + 4, 7) * 7 + 4); /* 1970-01-01 was a Thursday */
}

/* The day of March or September; the sun needs 365.242194 days. */
static int equinox(int year, double first)
{
	int n = year - 1980, leap_days = n / 4;

	return (int)(first + 0.242194 * n - leap_days);
}

static bool is_fixed_holiday(SkDate d)
{
	static const struct {
		int month, day;
	} fixed[] = {{1, 1}, {2, 11}, {2, 23}, {4, 29}, {5, 3}, {5, 4}, {5, 5}, {8, 11}, {11, 3}, {11, 23}};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (d.month == fixed[i].month && d.day == fixed[i].day)
			return true;
	return (d.month == 3 && d.day == equinox(d.year, 20.8431)) ||
	       (d.month == 9 && d.day == equinox(d.year, 23.2488));
}

/* The holidays on a Monday: coming of age, sea, respect for the aged, sports. */
static bool is_monday_holiday(SkDate d, int weekday)
{
	static const struct {
		int month, week;
	} mondays[] = {{1, 2}, {7, 3}, {9, 3}, {10, 2}};

	for (size_t i = 0; i < sizeof(mondays) / sizeof(*mondays) && weekday == MONDAY; i++)
		if (d.month == mondays[i].month && (d.day - 1) / 7 + 1 == mondays[i].week)
			return true;
	return false;
}

static bool is_named_holiday(int64_t day)
{
	SkDate d = sk_date_of(day);

	return is_fixed_holiday(d) || is_monday_holiday(d, sk_day_weekday(day));
}

/* Article 3(2): a holiday fell on a Sunday, and all days since were holidays. */
static bool is_substitute(int64_t day)
{
	for (int64_t before = day - 1; is_named_holiday(before); before--)
		if (sk_day_weekday(before) == SUNDAY)
			return true;
	return false;
}

bool sk_day_is_holiday(int64_t day)
{
	if (is_named_holiday(day) || is_substitute(day))
		return true;
	/* Article 3(3): a day between two holidays. */
	return is_named_holiday(day - 1) && is_named_holiday(day + 1);
}

bool sk_day_is_closed(int64_t day)
{
	SkDate d = sk_date_of(day);
	int weekday = sk_day_weekday(day);

	if (weekday == SUNDAY || weekday == SATURDAY || sk_day_is_holiday(day))
		return true;
	return (d.month == 12 && d.day >= 29) || (d.month == 1 && d.day <= 3);
}
