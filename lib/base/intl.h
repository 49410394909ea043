/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Words for people, translated by gettext (po/). A program calls sk_intl_init() once. What has a code comes
 * from lib/reason instead, which holds both languages.
 */
#include <libintl.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/translate.h"

#define _(text) gettext(text)

static inline void sk_intl_init(const char *locale_directory)
{
	setlocale(LC_ALL, "");
	bindtextdomain("sekisho", locale_directory);
	bind_textdomain_codeset("sekisho", "UTF-8");
	textdomain("sekisho");
}

/* Does the user read Japanese? */
static inline bool sk_intl_is_japanese(void)
{
	const char *locale = setlocale(LC_MESSAGES, NULL);

	return locale && strncmp(locale, "ja", 2) == 0;
}
