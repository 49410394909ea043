/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What our console says, in Japanese letters, and in Latin ones where it has no others (letters.h). A new
 * letter needs its glyph: tools/make-kanji. */

typedef struct Words {
	const char *locked, *enter, *wrong;
} Words;

static const Words words_japanese = {
	.locked = "この端末はロックされています。   This PC is locked.",
	.enter = "パスワードを入力してください。   Enter your password.",
	.wrong = "パスワードが違います。   The password was wrong.",
};

static const Words words_latin = {
	.locked = "Kono tanmatsu wa rokku sarete imasu.   This PC is locked.",
	.enter = "Pasuwaado wo nyuuryoku shite kudasai.  Enter your password.",
	.wrong = "Pasuwaado ga chigaimasu.   The password was wrong.",
};
