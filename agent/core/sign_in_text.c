/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <time.h>

#include "agent/core/core.h"
#include "agent/core/json_text.h"
#include "agent/core/sign_in_inside.h"
#include "lib/base/str.h"

/* What is left of the room takes as much as fits; a cut letter is none. */
static void add(SkSignInAnswer *answer, const char *text)
{
	size_t used = strlen(answer->text);

	if (strlen(text) < sizeof(answer->text) - used)
		sk_str_copy(answer->text + used, sizeof(answer->text) - used, text);
}

typedef struct Line {
	SkReason code;
	const char *romaji; /* on the kernel's console */
	const char *more;   /* figures, names */
} Line;

static void add_line(SkSignInAnswer *answer, const Line *line, const char *what, const char *next)
{
	char code[SK_REASON_CODE_SIZE];

	if (answer->text[0])
		add(answer, "\n");
	sk_reason_format_code(code, line->code);
	add(answer, code);
	add(answer, " ");
	add(answer, what);
	add(answer, *next ? "\n" : ""); /* some sign-in screens break no lines */
	add(answer, next);
	add(answer, *line->more ? " " : "");
	add(answer, line->more);
}

static void add_reason(SkSignInAnswer *answer, uint32_t letters, const Line *line)
{
	const SkReasonText *text = sk_reason_find(line->code);

	if (letters == SK_LETTERS_ASCII)
		add_line(answer, line, line->romaji, "");
	else if (letters != SK_LETTERS_ENGLISH)
		add_line(answer, line, text->ja_what, text->ja_next);
	if (letters != SK_LETTERS_JAPANESE)
		add_line(answer, line, text->en_what, text->en_next);
}

void sign_in_text_refused(const Core *core, const SkSignIn *sign_in, SkSignInAnswer *answer)
{
	add_reason(answer, sign_in->letters,
		&(Line){SK_SIGN_IN_OUTSIDE_HOURS, "Ima wa sain-in dekiru jikan de wa arimasen.",
			core->settings->sign_in.hours});
}

/* "2026-11-20 08:12 tty1 (login)"; names are escaped where they are kept. */
static void format_last(char *dst, size_t size, const json_t *last)
{
	time_t at = (time_t)json_integer_value(json_object_get(last, "at"));
	const char *host = text_of(last, "host"), *seat = text_of(last, "seat");
	struct tm local;
	char when[32] = "";

	if (localtime_r(&at, &local))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &local);
	if (!sk_str_format(dst, size, "%s %s%s%s (%s)", when, *host ? host : text_of(last, "tty"),
		    *seat ? " " : "", seat, text_of(last, "service")))
		sk_str_copy(dst, size, when);
}

void sign_in_text_last(const json_t *last, const SkSignIn *sign_in, SkSignInAnswer *answer)
{
	json_int_t failures = json_integer_value(json_object_get(last, "failures"));
	char figures[256] = "";

	if (json_integer_value(json_object_get(last, "at")) > 0) {
		format_last(figures, sizeof(figures), last);
		add_reason(answer, sign_in->letters, &(Line){SK_SIGN_IN_LAST, "Zenkai no sain-in:", figures});
	} else
		add_reason(answer, sign_in->letters,
			&(Line){SK_SIGN_IN_FIRST, "Kono tanmatsu e no saisho no sain-in desu.", ""});
	if (failures == 0)
		return;
	sk_str_format(figures, sizeof(figures), "(%lld)", (long long)failures);
	add_reason(answer, sign_in->letters,
		&(Line){SK_SIGN_IN_FAILED_SINCE, "Sono go no sain-in no shippai:", figures});
}
