/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/ledger_fields.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "console/rules/calendar.h"
#include "console/store/time.h"
#include "lib/base/str.h"

const SkLedgerField sk_ledger_fields[] = {
	{"number", SK_CELL_TEXT, 50, "管理番号", "Number", "番号|媒体番号|No.|No"},
	{"label", SK_CELL_TEXT, 200, "名称", "Name", "品名|媒体名|ラベル|label"},
	{"kind", SK_CELL_KIND, 50, "種類", "Kind", "媒体種別|媒体の種類|種別"},
	{"maker", SK_CELL_TEXT, 200, "メーカー", "Maker", "製造元"},
	{"model", SK_CELL_TEXT, 200, "型番", "Model", "機種|型式"},
	{"serial", SK_CELL_TEXT, 200, "製造番号", "Serial number", "シリアル番号|シリアル|S/N"},
	{"capacity", SK_CELL_CAPACITY, 50, "容量", "Capacity", "サイズ"},
	{"classification", SK_CELL_TEXT, 200, "機密区分", "Classification", "分類|区分|重要度区分"},
	{"dataKind", SK_CELL_TEXT, 500, "情報の種類", "Kind of data", "データの種類|データ種別|内容"},
	{"dataFormat", SK_CELL_TEXT, 500, "データ形式", "Data format", "形式"},
	{"copies", SK_CELL_TEXT, 500, "複製の所在", "Copies", "複製|写し|バックアップ"},
	{"value", SK_CELL_TEXT, 500, "価値", "Value", "重要度"},
	{"business", SK_CELL_TEXT, 500, "利用業務", "Business", "業務|用途|使用目的"},
	{"owner", SK_CELL_TEXT, 200, "所有者", "Owner", "情報の所有者|所有部署|部署"},
	{"rights", SK_CELL_TEXT, 500, "利用権限", "Rights", "権限|利用者"},
	{"dataCreated", SK_CELL_DAY, 50, "作成日", "Created on", "作成年月日"},
	{"keepUntil", SK_CELL_DAY, 50, "保存期限", "Keep until", "保管期限|保存期間"},
	{"plannedDisposal", SK_CELL_TEXT, 500, "廃棄予定", "Planned disposal", "廃棄方法|廃棄"},
	{"custodian", SK_CELL_PERSON, 200, "管理者", "Custodian", "保管者|管理責任者|責任者"},
	{"place", SK_CELL_TEXT, 200, "保管場所", "Place", "場所|設置場所|保管先"},
	{"stockDays", SK_CELL_NUMBER, 50, "棚卸間隔(日)", "Stock-taking every (days)", "棚卸間隔"},
	{"note", SK_CELL_TEXT, 2000, "備考", "Note", "メモ|コメント|remarks"},
	{"state", SK_CELL_SHOWN, 50, "状態", "State", ""},
	{"lastSeen", SK_CELL_SHOWN, 50, "最終確認", "Last seen", ""},
	{"luksUuid", SK_CELL_SHOWN, 50, "暗号化ID", "Encryption id", ""},
};
const size_t sk_ledger_fields_size = SK_ARRAY_SIZE(sk_ledger_fields);

/* Compares a word of length n with the heading. */
static bool is_word(const char *word, size_t n, const char *heading, size_t size)
{
	return n == size && n > 0 && strncasecmp(word, heading, n) == 0;
}

static bool is_one_of(const char *words, const char *heading, size_t size)
{
	while (*words) {
		size_t n = strcspn(words, "|");

		if (is_word(words, n, heading, size))
			return true;
		words += n + (words[n] == '|');
	}
	return false;
}

const SkLedgerField *sk_ledger_field_find(const char *heading)
{
	static const char wide_blank[] = "\u3000";
	size_t size;

	while (*heading == ' ' || *heading == '\n' || sk_str_starts(heading, wide_blank))
		heading += *heading == ' ' || *heading == '\n' ? 1 : strlen(wide_blank);
	size = strlen(heading);
	while (size > 0 && (heading[size - 1] == ' ' || heading[size - 1] == '\n'))
		size--;
	for (size_t i = 0; i < sk_ledger_fields_size; i++) {
		const SkLedgerField *f = &sk_ledger_fields[i];

		if (is_word(f->field, strlen(f->field), heading, size) ||
			is_word(f->ja, strlen(f->ja), heading, size) ||
			is_word(f->en, strlen(f->en), heading, size) || is_one_of(f->others, heading, size))
			return f;
	}
	return NULL;
}

/* Years of an era begin with 1: 令和8年 is 2026. */
static const struct {
	const char *name;
	int before;
} eras[] = {{"令和", 2018}, {"平成", 1988}, {"昭和", 1925}, {"R", 2018}, {"H", 1988}, {"S", 1925}};

static bool is_real_day(int year, int month, int day)
{
	SkDate d = sk_date_of(sk_day_from(year, month, day));

	return year >= 1926 && year <= 2199 && month >= 1 && month <= 12 && day >= 1 && d.month == month &&
	       d.day == day;
}

/* One or more digits, at most 4. */
static bool take_number(const char **text, int *ret_number)
{
	size_t n = strspn(*text, "0123456789");

	*ret_number = 0;
	for (size_t i = 0; i < n && n <= 4; i++)
		*ret_number = *ret_number * 10 + ((*text)[i] - '0');
	*text += n;
	return n > 0 && n <= 4;
}

static bool take_word(const char **text, const char *word)
{
	if (!sk_str_starts(*text, word))
		return false;
	*text += strlen(word);
	return true;
}

/* A day in one of the forms; the first year of an era is written 元年. */
static bool scan_day(const char *cell, int *year, int *month, int *day)
{
	static const char *const marks[][3] = {
		{"-", "-", ""}, {"/", "/", ""}, {".", ".", ""}, {"年", "月", "日"}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(marks); i++) {
		const char *p = cell;

		if (take_word(&p, "元"))
			*year = 1;
		else if (!take_number(&p, year))
			return false;
		if (take_word(&p, marks[i][0]) && take_number(&p, month) && take_word(&p, marks[i][1]) &&
			take_number(&p, day) && take_word(&p, marks[i][2]) && *p == 0)
			return true;
	}
	return false;
}

static int parse_day(const char *cell, json_t **ret_value)
{
	int year, month, day, before = 0;
	char text[SK_TIME_SIZE];

	for (size_t i = 0; i < SK_ARRAY_SIZE(eras) && before == 0; i++)
		if (take_word(&cell, eras[i].name))
			before = eras[i].before;
	if (!scan_day(cell, &year, &month, &day) || !is_real_day(year + before, month, day))
		return -EINVAL;
	sk_time_format(text, sk_day_end(sk_day_from(year + before, month, day) - 1) + 1);
	*ret_value = json_string(text);
	return *ret_value ? 0 : -ENOMEM;
}

static int parse_capacity(const char *cell, json_t **ret_value)
{
	static const struct {
		const char *unit;
		int64_t bytes;
	} units[] = {{"", 1}, {"B", 1}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000},
		{"TB", 1000000000000}, {"K", 1000}, {"M", 1000000}, {"G", 1000000000}, {"T", 1000000000000}};
	char number[16] = "";
	size_t n = strspn(cell, "0123456789");
	uint64_t value;

	if (n == 0 || n >= sizeof(number))
		return -EINVAL;
	memcpy(number, cell, n);
	if (sk_num_parse(number, 10, INT64_MAX, &value) < 0)
		return -EINVAL;
	cell += n;
	cell += strspn(cell, " ");
	for (size_t i = 0; i < SK_ARRAY_SIZE(units); i++)
		if (strcasecmp(cell, units[i].unit) == 0) {
			int64_t bytes;

			if (__builtin_mul_overflow((int64_t)value, units[i].bytes, &bytes))
				return -EINVAL;
			*ret_value = json_integer(bytes);
			return *ret_value ? 0 : -ENOMEM;
		}
	return -EINVAL;
}

/* Words that stand for our kinds; what is not among them is "other". */
static int parse_kind(const char *cell, json_t **ret_value)
{
	static const struct {
		const char *word, *kind;
	} kinds[] = {{"usb-stick", "usb-stick"}, {"USB", "usb-stick"}, {"ＵＳＢ", "usb-stick"},
		{"SSD", "ssd"}, {"HDD", "hdd"}, {"ハードディスク", "hdd"}, {"SD", "sd-card"},
		{"CD", "optical"}, {"DVD", "optical"}, {"BD", "optical"}, {"光", "optical"},
		{"optical", "optical"}};
	const char *kind = "other";

	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++)
		if (strcasestr(cell, kinds[i].word)) {
			kind = kinds[i].kind;
			break;
		}
	*ret_value = json_string(kind);
	return *ret_value ? 0 : -ENOMEM;
}

static int parse_number(const char *cell, json_t **ret_value)
{
	uint64_t number;

	if (sk_num_parse(cell, 10, 3650, &number) < 0 || number == 0)
		return -EINVAL;
	*ret_value = json_integer((json_int_t)number);
	return *ret_value ? 0 : -ENOMEM;
}

static int parse_text(const SkLedgerField *field, const char *cell, json_t **ret_value)
{
	size_t n = 0;

	for (const char *p = cell; *p; p++)
		n += ((unsigned char)*p & 0xc0) != 0x80;
	if (n > field->most)
		return -EINVAL;
	*ret_value = json_string(cell);
	return *ret_value ? 0 : -ENOMEM;
}

int sk_ledger_cell_parse(
	const SkLedgerField *field, const char *cell, json_t **ret_value, const char **ret_what)
{
	switch (field->type) {
	case SK_CELL_DAY:
		*ret_what = "not a date such as 2026-11-22 or 令和8年11月22日";
		return parse_day(cell, ret_value);
	case SK_CELL_NUMBER:
		*ret_what = "not a number from 1 to 3650";
		return parse_number(cell, ret_value);
	case SK_CELL_CAPACITY:
		*ret_what = "not a capacity such as 32 GB";
		return parse_capacity(cell, ret_value);
	case SK_CELL_KIND:
		*ret_what = "";
		return parse_kind(cell, ret_value);
	case SK_CELL_SHOWN:
		*ret_what = "this column is kept by the console";
		return -EINVAL;
	default:
		*ret_what = "too long";
		return parse_text(field, cell, ret_value);
	}
}
