/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/incidents_draft.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/str.h"

static const char *text_of(const json_t *row, const char *field)
{
	const char *text = json_string_value(json_object_get(row, field));

	return text ? text : "";
}

static bool is_bound(const json_t *medium)
{
	return sk_str_eq(text_of(medium, "mode"), "bound");
}

json_t *sk_incident_evidence(const json_t *medium, const json_t *receipt, const char *last_use)
{
	/* The condition of the Commission's Q&A: a cipher of the CRYPTREC list, and a key that is kept apart
	 * from the data (bound: the console's half) or was erased from afar. */
	bool strong = sk_str_starts(text_of(medium, "cipher"), "aes-xts") &&
		      json_integer_value(json_object_get(medium, "keyBits")) >= 256;

	return json_pack("{s:s, s:s, s:s, s:s, s:O?, s:s, s:s, s:b, s:b, s:s, s:O?}", "medium",
		text_of(medium, "id"), "number", text_of(medium, "number"), "luksUuid",
		text_of(medium, "luksUuid"), "cipher", text_of(medium, "cipher"), "keyBits",
		json_object_get(medium, "keyBits"), "pbkdf", text_of(medium, "pbkdf"), "mode",
		text_of(medium, "mode"), "strongCipher", strong, "keyApart", is_bound(medium), "lastUse",
		last_use, "receipt", receipt);
}

/* One line for each medium: what it is, and whether it can be read. */
static void write_media(FILE *out, const json_t *media)
{
	const json_t *medium;
	size_t i;

	json_array_foreach (media, i, medium) {
		const char *mode = text_of(medium, "mode");

		fprintf(out, "・%s(%s)", text_of(medium, "number"), text_of(medium, "label"));
		if (is_bound(medium))
			fprintf(out, " 暗号化済み(%s)。鍵の一部は管理サーバーにあり、破棄しました。\n",
				text_of(medium, "cipher"));
		else if (sk_str_eq(mode, "portable") || sk_str_eq(mode, "hand-over"))
			fprintf(out,
				" 暗号化済み(%s)。パスフレーズのみで開くため、遠隔では無効化できません。\n",
				text_of(medium, "cipher"));
		else
			fputs(" 暗号化されていません。\n", out);
	}
}

/* Some text as a JSON string; NULL without memory. */
typedef void (*Writer)(FILE *out, const json_t *incident, const json_t *media);

static json_t *written(Writer write, const json_t *incident, const json_t *media)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *result = NULL;

	if (!out)
		return NULL;
	write(out, incident, media);
	if (fclose(out) == 0)
		result = json_stringn(text, size);
	free(text);
	return result;
}

static void write_overview(FILE *out, const json_t *incident, const json_t *media)
{
	fprintf(out, "%s\n%s\n発生: %s  判明: %s  場所: %s\n", text_of(incident, "title"),
		text_of(incident, "description"), text_of(incident, "happened"), text_of(incident, "known"),
		text_of(incident, "place"));
	write_media(out, media);
}

static void write_items(FILE *out, const json_t *incident, const json_t *media)
{
	const json_t *medium;
	size_t i;

	fprintf(out, "%s\n", text_of(incident, "items"));
	json_array_foreach (media, i, medium)
		if (*text_of(medium, "dataKind"))
			fprintf(out, "・%s: %s\n", text_of(medium, "number"), text_of(medium, "dataKind"));
}

static void write_persons(FILE *out, const json_t *incident, const json_t *media)
{
	const json_t *persons = json_object_get(incident, "persons");

	if (json_is_integer(persons))
		fprintf(out, "%" JSON_INTEGER_FORMAT "人\n", json_integer_value(persons));
	else
		fputs("確認中\n", out);
}

static void write_cause(FILE *out, const json_t *incident, const json_t *media)
{
	static const struct {
		const char *kind, *word;
	} words[] = {{"loss", "媒体の紛失"}, {"theft", "媒体の盗難"}, {"leak", "情報の漏えい"},
		{"malware", "マルウェア"}};
	const char *word = "確認中";

	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (sk_str_eq(words[i].kind, text_of(incident, "kind")))
			word = words[i].word;
	fprintf(out, "%s\n", word);
}

static void write_damage(FILE *out, const json_t *incident, const json_t *media)
{
	bool all_bound = json_array_size(media) > 0;
	const json_t *medium;
	size_t i;

	json_array_foreach (media, i, medium)
		all_bound = all_bound && is_bound(medium);
	fputs(all_bound ? "媒体はすべて暗号化され、鍵を破棄したため、第三者が内容を読み取ることはできません。"
			  "\n"
			: "確認中\n",
		out);
}

static void write_measures(FILE *out, const json_t *incident, const json_t *media)
{
	fputs("対象の媒体を全端末で使用禁止とし、管理サーバーにある鍵を破棄しました。\n", out);
}

json_t *sk_incident_items(const json_t *incident, const json_t *media)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:s}", "overview",
		written(write_overview, incident, media), "items", written(write_items, incident, media),
		"persons", written(write_persons, incident, media), "cause",
		written(write_cause, incident, media), "damage", written(write_damage, incident, media),
		"toPersons", "確認中", "publication", "未定", "prevention",
		written(write_measures, incident, media), "other", "");
}
