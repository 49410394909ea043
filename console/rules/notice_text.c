/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of a notice. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/calendar.h"
#include "console/rules/notice.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define DAY_MS INT64_C(86400000)
#define JAPAN_MS INT64_C(32400000)

/* How members of details are called. */
static const struct {
	const char *member, *ja, *en;
	bool is_time;
} labels[] = {
	{"terminal", "端末", "Terminal", false},
	{"medium", "媒体", "Medium", false},
	{"media", "媒体", "Media", false},
	{"request", "申請", "Request", false},
	{"requester", "申請者", "Requester", false},
	{"incident", "事故", "Incident", false},
	{"destination", "持ち出し先", "Destination", false},
	{"place", "保管場所", "Place", false},
	{"due", "期限", "Due", true},
	{"lastContact", "最後の通信", "Last contact", true},
	{"lastSeen", "最後の確認", "Last seen", true},
	{"definitionsTime", "ウイルス定義の日時", "Definitions of", true},
	{"since", "いつから", "Since", true},
	{"freeBytes", "空き容量(バイト)", "Free bytes", false},
	{"offset", "時計のずれ(ミリ秒)", "Clock offset (ms)", false},
	{"clock", "時計の状態", "State of the clock", false},
	{"user", "利用者", "User", false},
	{"number", "記録番号", "Record", false},
	{"count", "件数", "Count", false},
	{"longestIdle", "無操作で開いていた最長時間(ミリ秒)", "Longest time open and idle (ms)", false},
	{"day", "日", "Day", false},
	{"rollout", "ポリシー", "Policy", false},
	{"review", "点検", "Review", false},
	{"title", "件名", "Title", false},
	{"target", "宛先", "Receiver", false},
	{"duty", "処理", "Duty", false},
	{"error", "エラー", "Error", false},
	{"state", "状態", "State", false},
};

static void write_time(FILE *out, int64_t ms)
{
	SkDate date = sk_date_of(sk_day_of(ms));
	int64_t minute = ((ms + JAPAN_MS) % DAY_MS + DAY_MS) % DAY_MS / 60000;

	fprintf(out, "%04d-%02d-%02d %02d:%02d", date.year, date.month, date.day, (int)(minute / 60),
		(int)(minute % 60));
}

/* Texts of the details are of terminals and people: nothing of them can look like a line of ours. */
static void write_value(FILE *out, const json_t *value, bool is_time)
{
	char shown[1024];

	if (json_is_integer(value) && is_time)
		write_time(out, json_integer_value(value));
	else if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_string(value)) {
		sk_utf8_escape(shown, sizeof(shown), json_string_value(value), json_string_length(value));
		fputs(shown, out);
	}
}

static bool is_time_member(const char *member)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(labels); i++)
		if (sk_str_eq(labels[i].member, member))
			return labels[i].is_time;
	return false;
}

static void write_details(FILE *out, const json_t *details, bool japanese)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(labels); i++) {
		const json_t *value = json_object_get(details, labels[i].member);

		if (!value || json_is_null(value))
			continue;
		fprintf(out, "%s: ", japanese ? labels[i].ja : labels[i].en);
		write_value(out, value, labels[i].is_time);
		fputc('\n', out);
	}
}

/* The clinic's own words; "{due}" is the member of that name, what is not known stays as it is. */
static void write_words(FILE *out, const char *words, const json_t *details)
{
	while (*words) {
		size_t size = strcspn(words, "{"), name;
		char member[32];
		const json_t *value = NULL;

		fwrite(words, 1, size, out);
		words += size;
		if (!*words)
			return;
		name = strcspn(words + 1, "}");
		if (words[1 + name] == '}' && name < sizeof(member)) {
			memcpy(member, words + 1, name);
			member[name] = 0;
			value = json_object_get(details, member);
		}
		if (value) {
			write_value(out, value, is_time_member(member));
			words += name + 2;
		} else {
			fputc(*words++, out);
		}
	}
}

static void write_text(FILE *out, const SkNotice *notice, const char *facility, bool japanese, int64_t now)
{
	const SkReasonText *reason = sk_reason_find(notice->code);
	const char *next = japanese ? reason->ja_next : reason->en_next;
	char code[SK_REASON_CODE_SIZE];

	if (facility)
		fprintf(out, "%s\n\n", facility);
	fprintf(out, "%s\n", japanese ? reason->ja_what : reason->en_what);
	if (*next)
		fprintf(out, japanese ? "対処: %s\n" : "What to do: %s\n", next);
	fputc('\n', out);
	write_details(out, notice->details, japanese);
	if (notice->words && *notice->words) {
		fputc('\n', out);
		write_words(out, notice->words, notice->details);
		fputc('\n', out);
	}
	sk_reason_format_code(code, notice->code);
	fprintf(out, japanese ? "\n-- \n関所 %s  " : "\n-- \nSekisho %s  ", code);
	write_time(out, now);
	fputs(japanese ? " (日本時間)\nこのメールは自動で送信しています。\n"
		       : " (Japan time)\nThis message was sent by a program.\n",
		out);
}

static int write_title(const SkNotice *notice, bool japanese, char **ret_title)
{
	const SkReasonText *reason = sk_reason_find(notice->code);
	const char *what = japanese ? reason->ja_what : reason->en_what;
	/* The end of a sentence is none of a title. */
	size_t size = strlen(what), end = japanese ? strlen("。") : 1;
	char about[300] = "";

	if (notice->about)
		sk_utf8_escape(about, sizeof(about), notice->about, strlen(notice->about));
	return asprintf(ret_title, japanese ? "【関所】%.*s%s%s" : "[Sekisho] %.*s%s%s", (int)(size - end),
		       what, *about ? ": " : "", about) < 0
		       ? -ENOMEM
		       : 0;
}

int sk_notice_write(const SkNotice *notice, const char *facility, const char *language, int64_t now,
	SkNoticeText *ret_text)
{
	bool japanese = sk_str_eq(language, "ja");
	own_free char *title = NULL, *text = NULL;
	size_t size;
	FILE *out;
	int r = sk_reason_find(notice->code) ? write_title(notice, japanese, &title) : -EINVAL;

	if (r < 0)
		return r;
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	write_text(out, notice, facility, japanese, now);
	if (fclose(out) != 0)
		return -ENOMEM;
	*ret_text = (SkNoticeText){own_take(title), own_take(text)};
	return 0;
}

void sk_notice_text_deinit(SkNoticeText *text)
{
	free(text->title);
	free(text->text);
	*text = (SkNoticeText){NULL, NULL};
}
