/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/jobs/mail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"

#define ADDRESS_MAX 254
#define WORD_BYTES 39 /* of text in one encoded word: a line with "Subject: " stays below 76 characters */
#define LINE_BYTES 57 /* of text in one line of base64: 76 characters */

bool sk_mail_is_address(const char *text)
{
	const char *at = strchr(text, '@');

	if (!at || at == text || !at[1] || strchr(at + 1, '@') || strlen(text) > ADDRESS_MAX)
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7F || strchr("<>()[],;:\\\"", *p))
			return false;
	return true;
}

static bool is_plain(const char *text)
{
	if (strlen(text) > 60 || strstr(text, "=?"))
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7F)
			return false;
	return true;
}

/* As many bytes as one word takes, never half a character. */
static size_t word_size(const char *text)
{
	size_t size = strnlen(text, WORD_BYTES + 1);

	if (size <= WORD_BYTES)
		return size;
	size = WORD_BYTES;
	while (size > 1 && ((unsigned char)text[size] & 0xC0) == 0x80)
		size--;
	return size;
}

/* Words one beneath the other; what is between two encoded words is not shown (RFC 2047, 6.2). */
static void write_encoded(FILE *out, const char *text)
{
	char word[SK_BASE64_SIZE(WORD_BYTES)];

	for (bool first = true; *text; first = false) {
		size_t size = word_size(text);

		sk_base64_format(text, size, word);
		fprintf(out, "%s=?UTF-8?B?%s?=", first ? "" : "\r\n ", word);
		text += size;
	}
}

static void write_text(FILE *out, const char *text)
{
	if (is_plain(text))
		fputs(text, out);
	else
		write_encoded(out, text);
}

static void write_from(FILE *out, const SkMail *mail)
{
	fputs("From: ", out);
	if (*mail->name) {
		/* Always encoded: an unquoted name may hold what has a meaning in an address. */
		write_encoded(out, mail->name);
		fputs("\r\n ", out);
	}
	fprintf(out, "<%s>\r\n", mail->from);
}

/* RFC 5322, 3.3, in UTC; not by strftime(), whose names are those of the locale. */
static void write_date(FILE *out, int64_t ms)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const time_t seconds = (time_t)(ms / 1000);
	struct tm when;

	gmtime_r(&seconds, &when);
	fprintf(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * when.tm_wday,
		when.tm_mday, months + 3 * when.tm_mon, 1900 + when.tm_year, when.tm_hour, when.tm_min,
		when.tm_sec);
}

/* Line ends of a text are CR LF (RFC 2045, 6.8). */
static int write_body(FILE *out, const char *body)
{
	char line[SK_BASE64_SIZE(LINE_BYTES)];
	own_free char *text = NULL;
	size_t size, at;
	FILE *lines = open_memstream(&text, &size);

	if (!lines)
		return -ENOMEM;
	for (; *body; body++) {
		if (*body == '\n')
			fputc('\r', lines);
		if (*body != '\r')
			fputc(*body, lines);
	}
	if (fclose(lines) != 0)
		return -ENOMEM;
	for (at = 0; at < size; at += LINE_BYTES) {
		sk_base64_format(text + at, size - at < LINE_BYTES ? size - at : LINE_BYTES, line);
		fprintf(out, "%s\r\n", line);
	}
	return 0;
}

int sk_mail_compose(const SkMail *mail, char **ret_text, size_t *ret_size)
{
	char *text = NULL;
	size_t size;
	FILE *out;
	int r;

	if (!sk_mail_is_address(mail->from) || !sk_mail_is_address(mail->to))
		return -EINVAL;
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	write_date(out, mail->time);
	write_from(out, mail);
	fprintf(out, "To: <%s>\r\nSubject: ", mail->to);
	write_text(out, mail->subject);
	fprintf(out,
		"\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: "
		"1.0\r\nContent-Language: %s\r\nContent-Type: text/plain; charset=UTF-8\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
		mail->id, strchr(mail->from, '@') + 1, mail->language);
	r = write_body(out, mail->body);
	if (fclose(out) != 0)
		r = -ENOMEM;
	if (r < 0) {
		free(text);
		return r;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}
