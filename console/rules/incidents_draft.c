/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/incidents_draft.h"

#include <stdio.h>
#include <stdlib.h>

#include "console/store/table.h"
#include "lib/base/str.h"

static bool is_bound(const json_t *medium)
{
	return sk_str_eq(sk_row_text(medium, "mode"), "bound");
}

json_t *sk_incident_evidence(const json_t *medium, const json_t *receipt, const char *last_use)
{
	/* The condition of the Commission's Q&A: a cipher of the CRYPTREC list, and a key that is kept apart
	 * from the data (bound: the console's half) or was erased from afar. */
	bool strong = sk_str_starts(sk_row_text(medium, "cipher"), "aes-xts") &&
		      json_integer_value(json_object_get(medium, "keyBits")) >= 256;

	return json_pack("{s:s, s:s, s:s, s:s, s:O?, s:s, s:s, s:b, s:b, s:s, s:O?}", "medium",
		sk_row_text(medium, "id"), "number", sk_row_text(medium, "number"), "luksUuid",
		sk_row_text(medium, "luksUuid"), "cipher", sk_row_text(medium, "cipher"), "keyBits",
		json_object_get(medium, "keyBits"), "pbkdf", sk_row_text(medium, "pbkdf"), "mode",
		sk_row_text(medium, "mode"), "strongCipher", strong, "keyApart", is_bound(medium), "lastUse",
		last_use, "receipt", receipt);
}

/* One line for each medium: what it is, and whether it can be read. */
static void write_media(FILE *out, const json_t *media)
{
	const json_t *medium;
	size_t i;

	json_array_foreach (media, i, medium) {
		const char *mode = sk_row_text(medium, "mode");

		fprintf(out, "・%s(%s)", sk_row_text(medium, "number"), sk_row_text(medium, "label"));
		if (is_bound(medium))
			fprintf(out, " 暗号化済み(%s)。鍵の一部は管理サーバーにあり、破棄しました。\n",
				sk_row_text(medium, "cipher"));
		else if (sk_str_eq(mode, "portable") || sk_str_eq(mode, "hand-over"))
			fprintf(out,
				" 暗号化済み(%s)。パスフレーズのみで開くため、遠隔では無効化できません。\n",
				sk_row_text(medium, "cipher"));
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
	fprintf(out, "%s\n%s\n発生: %s  判明: %s  場所: %s\n", sk_row_text(incident, "title"),
		sk_row_text(incident, "description"), sk_row_text(incident, "happened"),
		sk_row_text(incident, "known"), sk_row_text(incident, "place"));
	write_media(out, media);
}

/* What terminals signed for when the media were closed last. */
static void write_manifests(FILE *out, const json_t *media)
{
	const json_t *medium;
	size_t i;

	json_array_foreach (media, i, medium) {
		const json_t *manifest = json_object_get(medium, "manifest");

		if (!manifest)
			continue;
		fprintf(out,
			"・%s: 端末が署名した一覧によると %" JSON_INTEGER_FORMAT
			"ファイル、%" JSON_INTEGER_FORMAT "バイト%s\n",
			sk_row_text(medium, "number"), json_integer_value(json_object_get(manifest, "files")),
			json_integer_value(json_object_get(manifest, "bytes")),
			json_is_true(json_object_get(manifest, "complete"))
				? ""
				: "(正しく閉じられておらず、未確定)");
	}
}

static void write_items(FILE *out, const json_t *incident, const json_t *media)
{
	const json_t *medium;
	size_t i;

	fprintf(out, "%s\n", sk_row_text(incident, "items"));
	json_array_foreach (media, i, medium)
		if (*sk_row_text(medium, "dataKind"))
			fprintf(out, "・%s: %s\n", sk_row_text(medium, "number"),
				sk_row_text(medium, "dataKind"));
	write_manifests(out, media);
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
		if (sk_str_eq(words[i].kind, sk_row_text(incident, "kind")))
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
