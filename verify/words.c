/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stdlib.h>

#include "lib/base/str.h"
#include "verify/verify.h"

static bool japanese;

static const char *const words[WORD_MAX_][2] = {
	[WORD_USAGE] =
		{"Usage: sekisho-verify --key FILE [--slip FILE] DIRECTORY\n"
		 "Compares a directory with the signed slip in it. FILE holds the public key of the sender.\n"
		 "Exit status: 0 all is as signed, 1 something differs, 2 no slip that can be believed,\n"
		 "3 not all could be read, 4 wrong usage.\n",
			"使い方: sekisho-verify --key ファイル [--slip ファイル] フォルダー\n"
			"フォルダーの中身を、その中にある署名付き送付票と比べます。鍵のファイルは送り主の公開"
			"鍵です。\n"
			"終了コード: 0 署名どおり、1 違いあり、2 信頼できる送付票がない、3 "
			"読めないものがある、\n"
			"4 使い方の誤り。\n"},
	[WORD_NO_KEY] = {"%s: there is no public key in it (%s)\n", "%s: 公開鍵がありません(%s)\n"},
	[WORD_NO_DIRECTORY] = {"%s: cannot be opened (%s)\n", "%s: 開けません(%s)\n"},
	[WORD_NO_SLIP] = {"There is no slip on this medium.\n", "この媒体に送付票がありません。\n"},
	[WORD_BAD_SLIP] = {"%s is no slip: damaged, or not made by Sekisho.\n",
		"%s は送付票ではありません(破損、または関所の作ったものではありません)。\n"},
	[WORD_WRONG_SIGNER] = {"%s IS NOT SIGNED by whom your key belongs to. Do not trust the content.\n",
		"%s はお手元の鍵の持ち主が署名したものではありません。内容を信用しないでください。\n"},
	[WORD_BAD_MANIFEST] = {"%s is not the list that the slip was signed for.\n",
		"%s は送付票が署名した一覧ではありません。\n"},
	[WORD_SIGNED] = {"Slip %llu: medium %s (%s), signed by terminal %s of %s\n",
		"送付票 %llu: 媒体 %s(%s)、署名した端末 %s、組織 %s\n"},
	[WORD_OPENED] = {"closed %s, %llu files, %llu bytes\n", "作成 %s、%llu ファイル、%llu バイト\n"},
	[WORD_CHANGED] = {"changed:    %s\n", "変更:       %s\n"},
	[WORD_NEW] = {"new:        %s\n", "追加:       %s\n"},
	[WORD_MISSING] = {"missing:    %s\n", "欠落:       %s\n"},
	[WORD_UNREADABLE] = {"unreadable: %s\n", "読めません: %s\n"},
	[WORD_INFECTED] = {"MALWARE:    %s\n", "マルウェア: %s\n"},
	[WORD_UNCHECKED] = {"not checked for malware when it was signed: %s\n",
		"署名時にマルウェア検査なし: %s\n"},
	[WORD_INCOMPLETE] =
		{"The medium was not closed in order (%s): the sender did not sign for all of it.\n",
			"媒体は正しく閉じられていません(%s)。送り主は全体に署名していません。\n"},
	[WORD_SUMMARY] = {"unchanged %zu, changed %zu, new %zu, missing %zu, unreadable %zu\n",
		"一致 %zu、変更 %zu、追加 %zu、欠落 %zu、読めないもの %zu\n"},
	[WORD_SAME] = {"OK: all is as it was signed.\n", "OK: すべて署名どおりです。\n"},
	[WORD_DIFFERENT] = {"NOT THE SAME: the content is not what was signed.\n",
		"不一致: 内容は署名されたものと違います。\n"},
	[WORD_UNKNOWN] = {"NOT VERIFIED: not all could be read.\n",
		"検証できません: 読めないものがあります。\n"},
};

void words_init(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (!value || !*value)
			continue;
		japanese = sk_str_starts(value, "ja");
		return;
	}
}

void words_say(FILE *out, Word word, ...)
{
	va_list arguments;

	va_start(arguments, word);
	vfprintf(out, words[word][japanese], arguments);
	va_end(arguments);
}
