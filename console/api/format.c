/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/api/format.h"

#include <string.h>

#include "lib/base/str.h"

size_t sk_format_length(const char *text, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += ((unsigned char)text[i] & 0xC0) != 0x80;
	return count;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
	return is_letter(c) || is_digit(c) || c == '-';
}

static bool is_login(char c)
{
	return is_word(c) || c == '.' || c == '_' || c == '@';
}

static bool is_cursor(char c)
{
	return is_word(c) || c == '.' || c == '_' || c == ':';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_base32(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '2' && c <= '7');
}

static bool all(const char *text, size_t size, bool (*is)(char c))
{
	for (size_t i = 0; i < size; i++)
		if (!is(text[i]))
			return false;
	return true;
}

/* The code point at *at, which is moved on. The text is valid UTF-8. */
static uint32_t next_point(const char *text, size_t size, size_t *at)
{
	unsigned char first = (unsigned char)text[(*at)++];
	uint32_t point = first < 0x80	? first
			 : first < 0xE0 ? first & 0x1F
			 : first < 0xF0 ? first & 0x0F
					: first & 0x07;

	while (*at < size && ((unsigned char)text[*at] & 0xC0) == 0x80)
		point = point << 6 | ((unsigned char)text[(*at)++] & 0x3F);
	return point;
}

/* Characters that nobody sees, or that show the others in another order. */
static bool is_invisible(uint32_t point)
{
	return (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
	       (point >= 0x2060 && point <= 0x2069) || point == 0xFEFF || point == 0xAD ||
	       (point >= 0xE0000 && point <= 0xE007F) || (point & 0xFFFE) == 0xFFFE;
}

static bool check_points(const char *text, size_t size, bool lines, bool invisible)
{
	for (size_t at = 0; at < size;) {
		uint32_t point = next_point(text, size, &at);
		bool line_end = point == '\n' || point == '\r' || point == '\t';

		if ((point < 0x20 && !(lines && line_end)) || (point >= 0x7F && point < 0xA0))
			return false;
		if (!invisible && is_invisible(point))
			return false;
	}
	return true;
}

static bool check_text(const char *text, size_t size)
{
	return check_points(text, size, false, false) &&
	       (size == 0 || (text[0] != ' ' && text[size - 1] != ' '));
}

/* Two, or four, digits. Return: the number or -1. */
static int digits(const char *text, size_t count)
{
	int value = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_digit(text[i]))
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

static bool is_date(const char *text)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = digits(text, 4), month, day;
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (year < 1 || text[4] != '-')
		return false;
	month = digits(text + 5, 2);
	if (month < 1 || month > 12 || text[7] != '-')
		return false;
	day = digits(text + 8, 2);
	return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

static bool is_offset(const char *text, size_t size)
{
	if (size == 1)
		return text[0] == 'Z';
	return size == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':' &&
	       digits(text + 1, 2) >= 0 && digits(text + 1, 2) <= 23 && digits(text + 4, 2) >= 0 &&
	       digits(text + 4, 2) <= 59;
}

/* What console/store/time.h reads, too: no leap second, at most 9 decimals. */
static bool check_date_time(const char *text, size_t size)
{
	int hour, minute, second;
	size_t at = 19;

	if (size < 20 || size > 35 || !is_date(text) || text[10] != 'T' || text[13] != ':' || text[16] != ':')
		return false;
	hour = digits(text + 11, 2);
	minute = digits(text + 14, 2);
	second = digits(text + 17, 2);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
		return false;
	if (text[at] == '.') {
		at++;
		while (at < size && is_digit(text[at]))
			at++;
		if (at == 20 || at > 29)
			return false;
	}
	return is_offset(text + at, size - at);
}

static bool check_date(const char *text, size_t size)
{
	return size == 10 && is_date(text);
}

/* Crockford's letters: no I, L, O, U. */
static bool is_id(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z' && c != 'I' && c != 'L' && c != 'O' && c != 'U');
}

static bool check_id(const char *text, size_t size)
{
	return size == 26 && all(text, size, is_id);
}

static bool is_uri(char c)
{
	return c > 0x20 && c < 0x7F && !strchr("\"<>\\^`{|}", c);
}

static bool check_uri(const char *text, size_t size)
{
	size_t scheme = 0;

	while (scheme < size && (is_word(text[scheme]) || text[scheme] == '+' || text[scheme] == '.'))
		scheme++;
	return scheme > 0 && is_letter(text[0]) && scheme + 1 < size && text[scheme] == ':' &&
	       all(text, size, is_uri);
}

static bool is_mailbox(char c)
{
	return c > 0x20 && c < 0x7F && !strchr("\"(),:;<>@[\\]", c);
}

/* What goes to a mail server as an address, without the forms that nobody uses (quotes, comments, literals).
 */
static bool check_email(const char *text, size_t size)
{
	const char *at = memchr(text, '@', size);
	size_t local = at ? (size_t)(at - text) : 0, domain = at ? size - local - 1 : 0;

	return local > 0 && local <= 64 && domain > 0 && all(text, local, is_mailbox) && at[1] != '.' &&
	       at[1] != '-' && text[size - 1] != '.' && all(at + 1, domain, is_cursor) &&
	       !memchr(at + 1, ':', domain) && !memmem(at + 1, domain, "..", 2);
}

static bool is_base64(char c)
{
	return is_letter(c) || is_digit(c) || c == '+' || c == '/';
}

static bool check_base64(const char *text, size_t size)
{
	size_t padding = 0;

	while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
		padding++;
	return size % 4 == 0 && all(text, size - padding, is_base64);
}

static bool is_base64url(char c)
{
	return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}

static bool check_base64url(const char *text, size_t size)
{
	return size % 4 != 1 && all(text, size, is_base64url);
}

static bool check_base32(const char *text, size_t size)
{
	return all(text, size, is_base32);
}

static bool check_hex(const char *text, size_t size)
{
	return size % 2 == 0 && all(text, size, is_hex);
}

static bool check_sha256(const char *text, size_t size)
{
	return size == 64 && all(text, size, is_hex);
}

static bool check_login(const char *text, size_t size)
{
	return size > 0 && (is_letter(text[0]) || is_digit(text[0])) && all(text, size, is_login);
}

static bool check_digits(const char *text, size_t size)
{
	return all(text, size, is_digit);
}

static bool check_cursor(const char *text, size_t size)
{
	return all(text, size, is_cursor);
}

static bool check_code(const char *text, size_t size)
{
	return size == 7 && memcmp(text, "SK-", 3) == 0 && all(text + 3, 4, is_digit);
}

static bool check_word(const char *text, size_t size)
{
	return all(text, size, is_word);
}

static bool check_lines(const char *text, size_t size)
{
	return check_points(text, size, true, false);
}

static bool check_plain(const char *text, size_t size)
{
	return check_points(text, size, true, true);
}

static bool check_password(const char *text, size_t size)
{
	return check_points(text, size, false, true);
}

static const struct {
	bool (*check)(const char *text, size_t size);
	const char *describe;
} formats[] = {
	[SK_API_PLAIN] = {check_plain, "text without control characters"},
	[SK_API_TEXT] = {check_text,
		"one line of text, without invisible characters and without blanks at its ends"},
	[SK_API_LINES] = {check_lines, "text without control and invisible characters"},
	[SK_API_DATE_TIME] = {check_date_time, "a date and time like 2026-04-01T09:00:00Z"},
	[SK_API_DATE] = {check_date, "a date like 2026-04-01"},
	[SK_API_ID] = {check_id, "an id of 26 characters"},
	[SK_API_URI] = {check_uri, "an address like https://example.org/"},
	[SK_API_EMAIL] = {check_email, "a mail address like name@example.org"},
	[SK_API_BASE64] = {check_base64, "base64 with its padding"},
	[SK_API_BASE64URL] = {check_base64url, "base64url without padding"},
	[SK_API_BASE32] = {check_base32, "base32 without padding"},
	[SK_API_HEX] = {check_hex, "hexadecimal bytes in small letters"},
	[SK_API_SHA256] = {check_sha256, "a SHA-256 of 64 hexadecimal digits"},
	[SK_API_LOGIN] = {check_login, "letters, digits and . _ - @, beginning with a letter or digit"},
	[SK_API_PASSWORD] = {check_password, "text without control characters"},
	[SK_API_DIGITS] = {check_digits, "digits"},
	[SK_API_CURSOR] = {check_cursor, "what the page before gave as next"},
	[SK_API_CODE] = {check_code, "a code like SK-5001"},
	[SK_API_WORD] = {check_word, "letters, digits and -"},
};

bool sk_format_check(SkApiFormat format, const char *text, size_t size)
{
	return (size_t)format < SK_ARRAY_SIZE(formats) && formats[format].check(text, size);
}

const char *sk_format_describe(SkApiFormat format)
{
	return (size_t)format < SK_ARRAY_SIZE(formats) ? formats[format].describe : "";
}
