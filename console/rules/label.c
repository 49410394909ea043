/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/label.h"

#include <ctype.h>
#include <errno.h>
#include <qrencode.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

OWN_DEFINE(QRcode, QRcode_free)

/* In tenths of a millimetre: numbers without a point are the same in every locale. */
#define WIDTH 620
#define HEIGHT 290
#define CODE_SIZE 250 /* with the quiet zone */
#define MARGIN 20
#define QUIET 4 /* modules around the code (ISO/IEC 18004) */
#define ID_MAX 64

static bool check_id(const char *id)
{
	size_t n = strlen(id);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)id[i]) && id[i] != '-')
			return false;
	return n > 0 && n <= ID_MAX;
}

/* One path of all dark modules: a run of a row is one rectangle. */
static void write_code(FILE *out, const QRcode *code)
{
	int side = code->width + 2 * QUIET;

	fprintf(out, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\"><path d=\"",
		MARGIN, MARGIN, CODE_SIZE, CODE_SIZE, side, side);
	for (int y = 0; y < code->width; y++)
		for (int x = 0; x < code->width; x++) {
			int start = x;

			while (x < code->width && code->data[y * code->width + x] & 1)
				x++;
			if (x > start)
				fprintf(out, "M%d %dh%dv1h-%dz", start + QUIET, y + QUIET, x - start,
					x - start);
		}
	fputs("\"/></svg>", out);
}

#define ROOM (WIDTH - CODE_SIZE - 3.0 * MARGIN)
#define SMALLEST 0.6 /* of the wanted size: smaller is not read any more */

/* Bytes of a character of valid UTF-8, and its width in units of the size of type. */
static size_t measure(const char *text, double *ret_width)
{
	unsigned char c = (unsigned char)*text;
	size_t bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	*ret_width = c < 0x80 ? 0.62 : 1;
	return strnlen(text, bytes);
}

/* A size of type at which the text fits, and how much of it. */
static double fit(const char *text, double size, size_t *ret_size)
{
	double width = 0, w;
	size_t n = 0;

	while (text[n]) {
		n += measure(text + n, &w);
		width += w;
	}
	if (width * size > ROOM)
		size = ROOM / width > size * SMALLEST ? ROOM / width : size * SMALLEST;
	width = 0;
	n = 0;
	while (text[n]) {
		size_t bytes = measure(text + n, &w);

		if ((width + w) * size > ROOM + 1)
			break;
		n += bytes;
		width += w;
	}
	*ret_size = n;
	return size;
}

static void write_text(FILE *out, int y, double size, const char *weight, const char *text)
{
	size_t n;

	size = fit(text, size, &n);
	fprintf(out, "<text x=\"%d\" y=\"%d\" font-size=\"%d\" font-weight=\"%s\">", CODE_SIZE + 2 * MARGIN,
		y, (int)size, weight);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c >= 0x20 && c != 0x7f)
			fputc(c, out);
	}
	fputs("</text>", out);
}

static void write_texts(FILE *out, const SkLabel *label)
{
	bool japanese = sk_str_eq(label->language, "ja");

	write_text(out, 75, 50, "bold", label->number);
	write_text(out, 120, 32, "bold", label->classification);
	write_text(
		out, 175, 26, "normal", japanese ? "拾得された方はご連絡ください" : "Found it? Please call:");
	write_text(out, 215, 28, "normal", label->owner);
	write_text(out, 255, 32, "normal", label->contact);
}

int sk_label_write_svg(FILE *out, const SkLabel *label)
{
	own_(QRcode_freep) QRcode *code = NULL;
	char text[2 * ID_MAX + 16];

	if (!check_id(label->organisation) || !check_id(label->medium))
		return -EINVAL;
	sk_str_format(text, sizeof(text), "SEKISHO:1:%s:%s", label->organisation, label->medium);
	/* Level M: a label on a stick is rubbed and scratched; 8 bits, so that small letters stay as they
	 * are. */
	code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	if (!code)
		return errno == ENOMEM ? -ENOMEM : -EINVAL;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%dmm\" height=\"%dmm\" viewBox=\"0 0 %d "
		"%d\" "
		"font-family=\"Noto Sans CJK JP, IPAexGothic, sans-serif\">"
		"<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>",
		WIDTH / 10, HEIGHT / 10, WIDTH, HEIGHT, WIDTH, HEIGHT);
	write_code(out, code);
	write_texts(out, label);
	fputs("</svg>\n", out);
	return ferror(out) ? -EIO : 0;
}
