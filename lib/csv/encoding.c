/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/csv/csv_text.h"

#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"

/* A byte of code page 932 is at most 3 bytes of UTF-8 (half-width kana). */
#define GROWTH 3

static pthread_mutex_t converter_lock = PTHREAD_MUTEX_INITIALIZER;
static iconv_t converter = (iconv_t)-1;

int sk_csv_init(void)
{
	int r = 0;

	pthread_mutex_lock(&converter_lock);
	if (converter == (iconv_t)-1)
		converter = iconv_open("UTF-8", "CP932");
	if (converter == (iconv_t)-1)
		r = -ENOENT;
	pthread_mutex_unlock(&converter_lock);
	return r;
}

size_t sk_csv_count(const char *from, const char *to)
{
	size_t n = 0;

	for (; from < to; from++)
		n += ((unsigned char)*from & 0xc0) != 0x80;
	return n;
}

/* The place of data[at], for a person who looks at the file in an editor; bytes for characters in a foreign
 * encoding. */
static void point_at(const char *data, size_t at, SkCsvError *ret_error)
{
	size_t line = 1, start = 0;

	for (size_t i = 0; i < at; i++)
		if (data[i] == '\n') {
			line++;
			start = i + 1;
		}
	*ret_error = (SkCsvError){line, at - start + 1, "neither UTF-8 nor Shift_JIS"};
}

static int convert(SkCsv *csv, const char *data, size_t size, SkCsvError *ret_error)
{
	size_t room = size * GROWTH, left = room, todo = size;
	char *out, *in = (char *)data;
	size_t bad = 0;

	csv->text = malloc(room + 1);
	if (!csv->text)
		return -ENOMEM;
	out = csv->text;
	pthread_mutex_lock(&converter_lock);
	if (converter != (iconv_t)-1) {
		iconv(converter, NULL, NULL, NULL, NULL);
		bad = iconv(converter, &in, &todo, &out, &left);
	}
	pthread_mutex_unlock(&converter_lock);
	/* todo: also what an incomplete character at the end leaves, and everything without a converter. */
	if (bad == (size_t)-1 || todo > 0) {
		point_at(data, (size_t)(in - data), ret_error);
		return -EILSEQ;
	}
	*out = 0;
	csv->size = room - left;
	csv->encoding = SK_CSV_SHIFT_JIS;
	return 0;
}

int sk_csv_decode(SkCsv *csv, const char *data, size_t size, SkCsvError *ret_error)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (size >= 3 && memcmp(data, mark, 3) == 0) {
		data += 3;
		size -= 3;
	}
	if (!sk_utf8_check(data, size))
		return convert(csv, data, size, ret_error);
	csv->text = malloc(size + 1);
	if (!csv->text)
		return -ENOMEM;
	memcpy(csv->text, data, size);
	csv->text[size] = 0;
	csv->size = size;
	csv->encoding = SK_CSV_UTF8;
	return 0;
}
