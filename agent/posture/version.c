/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/version.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Two runs of digits of any length; both pointers move behind them. */
static int compare_digits(const char **a, const char *a_end, const char **b, const char *b_end)
{
	const char *a_first, *b_first;
	int r;

	while (*a < a_end && **a == '0')
		(*a)++;
	while (*b < b_end && **b == '0')
		(*b)++;
	a_first = *a;
	b_first = *b;
	while (*a < a_end && is_digit(**a))
		(*a)++;
	while (*b < b_end && is_digit(**b))
		(*b)++;
	if (*a - a_first != *b - b_first)
		return *a - a_first < *b - b_first ? -1 : 1;
	r = memcmp(a_first, b_first, (size_t)(*a - a_first));
	return (r > 0) - (r < 0);
}

/* ~ before the end, the end before letters, letters before the rest. */
static int order(const char *c, const char *end)
{
	if (c == end || is_digit(*c))
		return 0;
	if (*c == '~')
		return -1;
	return is_letter(*c) ? (unsigned char)*c : (unsigned char)*c + 256;
}

static int compare_deb_part(const char *a, const char *a_end, const char *b, const char *b_end)
{
	int r = 0;

	while (r == 0 && (a < a_end || b < b_end)) {
		while ((a < a_end && !is_digit(*a)) || (b < b_end && !is_digit(*b))) {
			r = order(a, a_end) - order(b, b_end);
			if (r != 0)
				return r;
			a += a < a_end;
			b += b < b_end;
		}
		r = compare_digits(&a, a_end, &b, b_end);
	}
	return r;
}

/* Behind the epoch; *ret_epoch points at its digits, ended by *ret_epoch_end. */
static const char *skip_epoch(const char *text, const char **ret_epoch, const char **ret_epoch_end)
{
	const char *colon = strchr(text, ':');

	*ret_epoch = text;
	*ret_epoch_end = colon ? colon : text;
	return colon ? colon + 1 : text;
}

static int compare_epochs(const char **a, const char **b)
{
	const char *a_epoch, *a_end, *b_epoch, *b_end;

	*a = skip_epoch(*a, &a_epoch, &a_end);
	*b = skip_epoch(*b, &b_epoch, &b_end);
	return compare_digits(&a_epoch, a_end, &b_epoch, b_end);
}

static const char *find_revision(const char *text)
{
	const char *dash = strrchr(text, '-');

	return dash ? dash : text + strlen(text);
}

int version_compare_deb(const char *a, const char *b)
{
	const char *a_revision, *b_revision;
	int r = compare_epochs(&a, &b);

	if (r != 0)
		return r;
	a_revision = find_revision(a);
	b_revision = find_revision(b);
	r = compare_deb_part(a, a_revision, b, b_revision);
	if (r != 0)
		return r;
	a_revision += *a_revision == '-';
	b_revision += *b_revision == '-';
	return compare_deb_part(
		a_revision, a_revision + strlen(a_revision), b_revision, b_revision + strlen(b_revision));
}

static bool separates(char c)
{
	return !is_digit(c) && !is_letter(c) && c != '~' && c != '^';
}

/* ~ and ^ where either side has one. Return: true with the answer, or both sides moved on. */
static bool compare_marks(
	const char **a, const char *a_end, const char **b, const char *b_end, int *ret_answer)
{
	char x = *a < a_end ? **a : 0, y = *b < b_end ? **b : 0;

	if (x != '~' && y != '~' && x != '^' && y != '^')
		return false;
	*ret_answer = 0;
	if (x == y) {
		(*a)++;
		(*b)++;
	} else if (x == '~' || y == '~') {
		*ret_answer = x == '~' ? -1 : 1;
	} else {
		/* 1.0^x is newer than 1.0, and older than 1.0.1 */
		*ret_answer = x == '^' ? (y ? -1 : 1) : (x ? 1 : -1);
	}
	return true;
}

static int compare_letters(const char **a, const char *a_end, const char **b, const char *b_end)
{
	const char *a_first = *a, *b_first = *b;
	size_t a_size, b_size;
	int r;

	while (*a < a_end && is_letter(**a))
		(*a)++;
	while (*b < b_end && is_letter(**b))
		(*b)++;
	a_size = (size_t)(*a - a_first);
	b_size = (size_t)(*b - b_first);
	r = memcmp(a_first, b_first, a_size < b_size ? a_size : b_size);
	return r != 0 ? r : (a_size > b_size) - (a_size < b_size);
}

static int compare_rpm_part(const char *a, const char *a_end, const char *b, const char *b_end)
{
	int r = 0;

	while (r == 0) {
		while (a < a_end && separates(*a))
			a++;
		while (b < b_end && separates(*b))
			b++;
		if (compare_marks(&a, a_end, &b, b_end, &r))
			continue;
		if (a == a_end || b == b_end)
			break;
		/* A number is newer than a word. */
		if (is_digit(*a) != is_digit(*b))
			return is_digit(*a) ? 1 : -1;
		r = is_digit(*a) ? compare_digits(&a, a_end, &b, b_end)
				 : compare_letters(&a, a_end, &b, b_end);
	}
	return r != 0 ? r : (a < a_end) - (b < b_end);
}

int version_compare_rpm(const char *a, const char *b)
{
	const char *a_release, *b_release;
	int r = compare_epochs(&a, &b);

	if (r != 0)
		return r;
	a_release = find_revision(a);
	b_release = find_revision(b);
	r = compare_rpm_part(a, a_release, b, b_release);
	if (r != 0 || !*a_release || !*b_release)
		return r;
	return compare_rpm_part(
		a_release + 1, a_release + strlen(a_release), b_release + 1, b_release + strlen(b_release));
}
