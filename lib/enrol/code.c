/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/enrol/code.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/crockford.h"
#include "lib/base/str.h"

static const char digits[] = SK_CROCKFORD_ALPHABET;

#define SECRET_DIGITS 16      /* 80 bits */
#define FINGERPRINT_DIGITS 26 /* 128 bits and two that are 0 */
#define CODE_DIGITS (SECRET_DIGITS + FINGERPRINT_DIGITS)
#define GROUP 4

static void to_digits(uint8_t *values, size_t n_values, const uint8_t *bytes, size_t n_bytes)
{
	for (size_t i = 0; i < n_values; i++) {
		unsigned value = 0;

		for (size_t bit = 5 * i; bit < 5 * i + 5; bit++)
			value = value << 1 |
				(bit < 8 * n_bytes ? (unsigned)bytes[bit / 8] >> (7 - bit % 8) & 1u : 0u);
		values[i] = (uint8_t)value;
	}
}

/* Return: false when bits behind the last byte are set: two texts must not be one code. */
static bool from_digits(uint8_t *bytes, size_t n_bytes, const uint8_t *values, size_t n_values)
{
	memset(bytes, 0, n_bytes);
	for (size_t bit = 0; bit < 5 * n_values; bit++) {
		unsigned set = (unsigned)values[bit / 5] >> (4 - bit % 5) & 1u;

		if (bit >= 8 * n_bytes && set)
			return false;
		if (set)
			bytes[bit / 8] = (uint8_t)(bytes[bit / 8] | 0x80u >> bit % 8);
	}
	return true;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Only what cannot change the meaning of a URL. */
static bool is_host(const char *host)
{
	size_t size = strlen(host);

	if (host[0] == '[')
		return size > 3 && host[size - 1] == ']' &&
		       strspn(host + 1, "0123456789abcdefABCDEF:.") == size - 2;
	if (size == 0 || !is_alnum(host[0]) || !is_alnum(host[size - 1]))
		return false;
	for (const char *p = host; *p; p++)
		if (!is_alnum(*p) && *p != '-' && (*p != '.' || p[1] == '.'))
			return false;
	return true;
}

static int parse_host(const char *text, size_t size, SkEnrolCode *code)
{
	char host[SK_ENROL_HOST_SIZE + 8];
	uint64_t port = SK_ENROL_PORT;
	char *colon;

	if (!sk_str_format(host, sizeof(host), "%.*s", (int)size, text))
		return -EINVAL;
	colon = strrchr(host, ':');
	if (colon && !strchr(colon, ']')) {
		*colon = 0;
		if (sk_num_parse(colon + 1, 10, 65535, &port) < 0 || port == 0)
			return -EINVAL;
	}
	if (!is_host(host) || !sk_str_copy(code->host, sizeof(code->host), host))
		return -EINVAL;
	code->port = (uint16_t)port;
	return 0;
}

static int parse_digits(const char *text, uint8_t values[CODE_DIGITS + 1])
{
	size_t n = 0;

	for (; *text; text++) {
		int value = sk_crockford_value(*text);

		if (*text == '-' || *text == ' ')
			continue;
		if (value < 0 || n > CODE_DIGITS)
			return -EINVAL;
		values[n++] = (uint8_t)value;
	}
	return n == CODE_DIGITS + 1 ? 0 : -EINVAL;
}

int sk_enrol_code_parse(const char *text, SkEnrolCode *ret_code)
{
	uint8_t values[CODE_DIGITS + 1];
	SkEnrolCode code = {0};
	const char *slash;

	text += strspn(text, " \t");
	slash = strchr(text, '/');
	if (!slash || strlen(text) >= SK_ENROL_CODE_SIZE ||
		parse_host(text, (size_t)(slash - text), &code) < 0 || parse_digits(slash + 1, values) < 0)
		return -EINVAL;
	if (sk_crockford_check(values, CODE_DIGITS) != values[CODE_DIGITS])
		return -EBADMSG;
	if (!from_digits(code.secret, sizeof(code.secret), values, SECRET_DIGITS) ||
		!from_digits(code.fingerprint, sizeof(code.fingerprint), values + SECRET_DIGITS,
			FINGERPRINT_DIGITS))
		return -EINVAL;
	*ret_code = code;
	return 0;
}

int sk_enrol_code_format(char dst[SK_ENROL_CODE_SIZE], const SkEnrolCode *code)
{
	char text[CODE_DIGITS + 1 + CODE_DIGITS / GROUP + 1];
	uint8_t values[CODE_DIGITS + 1];
	size_t n = 0;

	if (!is_host(code->host) || code->port == 0)
		return -EINVAL;
	to_digits(values, SECRET_DIGITS, code->secret, sizeof(code->secret));
	to_digits(values + SECRET_DIGITS, FINGERPRINT_DIGITS, code->fingerprint, sizeof(code->fingerprint));
	values[CODE_DIGITS] = (uint8_t)sk_crockford_check(values, CODE_DIGITS);
	for (size_t i = 0; i <= CODE_DIGITS; i++) {
		if (i > 0 && i % GROUP == 0)
			text[n++] = '-';
		text[n++] = digits[values[i]];
	}
	text[n] = 0;
	if (code->port == SK_ENROL_PORT)
		return sk_str_format(dst, SK_ENROL_CODE_SIZE, "%s/%s", code->host, text) ? 0 : -EINVAL;
	return sk_str_format(dst, SK_ENROL_CODE_SIZE, "%s:%u/%s", code->host, code->port, text) ? 0 : -EINVAL;
}

void sk_enrol_secret_format(char dst[SK_ENROL_SECRET_TEXT_SIZE], const uint8_t secret[SK_ENROL_SECRET_SIZE])
{
	uint8_t values[SECRET_DIGITS];

	to_digits(values, SECRET_DIGITS, secret, SK_ENROL_SECRET_SIZE);
	for (size_t i = 0; i < SECRET_DIGITS; i++)
		dst[i] = digits[values[i]];
	dst[SECRET_DIGITS] = 0;
}
