/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/policy_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/conf/ini.h"
#include "lib/conf/settings.h"

#define NAME_MAX_LENGTH 127
#define SUFFIX ".rules"
#define ERRORS_MAX 200
/* Only what came from the console is looked at, not the settings of this machine. */
#define NO_DIRECTORY "/nonexistent/sekisho"

static const char *text_of(const json_t *file, const char *member)
{
	return json_string_value(json_object_get(file, member));
}

/* As the agents take it (agent/core/console_documents.c). */
static bool is_name(const char *name)
{
	size_t size = strlen(name);

	if (sk_str_eq(name, SK_POLICY_SETTINGS_FILE))
		return true;
	return size > strlen(SUFFIX) && size <= NAME_MAX_LENGTH &&
	       sk_str_eq(name + size - strlen(SUFFIX), SUFFIX) && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == size;
}

/* Where the name belongs. Return: its place, or -EEXIST. */
static int place_of(const json_t *files, const char *name)
{
	size_t i;
	json_t *file;

	json_array_foreach (files, i, file) {
		int order = strcmp(name, text_of(file, "name"));

		if (order <= 0)
			return order == 0 ? -EEXIST : (int)i;
	}
	return (int)json_array_size(files);
}

int sk_policy_files_sort(const json_t *given, json_t **ret_files, const char **ret_why)
{
	json_auto_t *files = json_array();
	size_t i, size = 0;
	json_t *file;

	if (!files)
		return -ENOMEM;
	json_array_foreach (given, i, file) {
		const char *name = text_of(file, "name"), *text = text_of(file, "text");
		int place = name && text ? place_of(files, name) : -EINVAL;

		if (place < 0 || !is_name(name)) {
			*ret_why = place == -EEXIST ? "two files have this name"
						    : "a file is called NAME.rules or sekisho.conf";
			return -EINVAL;
		}
		size += strlen(text);
		if (json_array_insert_new(
			    files, (size_t)place, json_pack("{s:s, s:s}", "name", name, "text", text)) < 0)
			return -ENOMEM;
	}
	if (size > SK_POLICY_SIZE_MAX || json_array_size(files) > SK_POLICY_FILES_MAX)
		return -E2BIG;
	*ret_files = json_incref(files);
	return 0;
}

const char *sk_policy_file_text(const json_t *files, const char *name)
{
	size_t i;
	json_t *file;

	json_array_foreach (files, i, file)
		if (sk_str_eq(text_of(file, "name"), name))
			return text_of(file, "text");
	return NULL;
}

void sk_policy_review_deinit(SkPolicyReview *review)
{
	json_decref(review->errors);
	json_decref(review->warnings);
}

static void add(json_t *list, const char *file, unsigned line, unsigned column, const char *text)
{
	if (json_array_size(list) < ERRORS_MAX)
		json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:s}", "file", file, "line", (int)line,
						    "column", (int)column, "text", text));
}

static void on_diagnostic(void *data, const SkPolicyDiagnostic *diagnostic)
{
	const SkPolicyReview *review = data;

	add(diagnostic->severity == SK_POLICY_ERROR ? review->errors : review->warnings, diagnostic->file,
		diagnostic->line, diagnostic->column, diagnostic->text);
}

/* "sekisho.conf:3:5: text", one a line, as lib/conf writes it. */
static void add_settings_errors(json_t *errors, char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		unsigned row = 0, column = 0;
		int used = 0;
		const char *message = line;

		if (!*line)
			continue;
		if (sscanf(line, SK_POLICY_SETTINGS_FILE ":%u:%u: %n", &row, &column, &used) == 2 && used > 0)
			message = line + used;
		add(errors, SK_POLICY_SETTINGS_FILE, row, column, message);
	}
}

static bool says(const SkIniText *text, const char *word)
{
	return text->text && strlen(word) == text->size && memcmp(text->text, word, text->size) == 0;
}

/* The mode belongs to the group of terminals; two places for it would contradict each other. */
static void refuse_mode(json_t *errors, const char *text)
{
	SkIni ini;
	int item;

	sk_ini_init(&ini, text, strlen(text));
	while ((item = sk_ini_next(&ini)) != SK_INI_END)
		if (item == SK_INI_SETTING && says(&ini.section, "Agent") && says(&ini.key, "Mode"))
			add(errors, SK_POLICY_SETTINGS_FILE, ini.line, ini.key.column,
				"Mode is set for the group of terminals, not here");
}

static int review_settings(const char *text, json_t *errors)
{
	const SkSettingsOverlay overlay = {SK_POLICY_SETTINGS_FILE, text, strlen(text)};
	own_settings SkSettings *settings = NULL;
	own_free char *words = NULL;
	int r = sk_settings_load_overlaid(NO_DIRECTORY, &overlay, &settings, &words);

	if (r == -EINVAL && words)
		add_settings_errors(errors, words);
	else if (r < 0)
		return r;
	else
		refuse_mode(errors, text);
	return 0;
}

typedef struct Parsed {
	SkPolicyFile *files[SK_POLICY_FILES_MAX];
	size_t count;
} Parsed;

static void parsed_deinit(Parsed *parsed)
{
	for (size_t i = 0; i < parsed->count; i++)
		sk_policy_file_free(parsed->files[i]);
}

/* Every file is parsed, so that all errors are told at once. Return: 0, -EINVAL (reported), -ENOMEM. */
static int parse_all(const json_t *files, const SkPolicyReport *report, Parsed *parsed)
{
	size_t i;
	json_t *file;
	int r = 0;

	json_array_foreach (files, i, file) {
		const char *name = text_of(file, "name"), *text = text_of(file, "text");
		int error;

		if (sk_str_eq(name, SK_POLICY_SETTINGS_FILE) || parsed->count == SK_POLICY_FILES_MAX)
			continue;
		error = sk_policy_parse(text, strlen(text), name, report, &parsed->files[parsed->count]);
		parsed->count += error == 0;
		r = error < 0 && r != -ENOMEM ? error : r;
	}
	return r;
}

static int compile(const json_t *files, const SkPolicyReport *report, SkPolicySnapshot **ret_snapshot)
{
	own_(parsed_deinit) Parsed parsed = {.count = 0};
	int r = parse_all(files, report, &parsed);

	return r < 0 ? r : sk_policy_compile(parsed.files, parsed.count, report, ret_snapshot);
}

int sk_policy_review(const json_t *files, SkPolicyReview *ret_review, SkPolicySnapshot **ret_snapshot)
{
	static const SkPolicyContext moment = {.mode = SK_POLICY_ENFORCE, .screen_locked = SK_POLICY_NO};
	const char *settings = sk_policy_file_text(files, SK_POLICY_SETTINGS_FILE);
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	SkPolicyReview review = {json_array(), json_array()};
	const SkPolicyReport report = {.report = on_diagnostic, .data = &review};
	int r = review.errors && review.warnings ? 0 : -ENOMEM;

	if (r == 0)
		r = compile(files, &report, &snapshot);
	if (r == 0)
		sk_policy_lint(snapshot, &moment, &report);
	if (r != -ENOMEM)
		r = settings ? review_settings(settings, review.errors) : 0;
	if (r < 0) {
		sk_policy_review_deinit(&review);
		return r;
	}
	*ret_review = review;
	if (ret_snapshot)
		*ret_snapshot = json_array_size(review.errors) == 0 ? own_take(snapshot) : NULL;
	return 0;
}

void sk_policy_tried_deinit(SkPolicyTried *tried)
{
	json_decref(tried->untried);
	*tried = (SkPolicyTried){.untried = NULL};
}

/* Records say which types were refused; what they say of no other setting lets one be tried. */
static int sort_settings(const char *text, SkPolicyTried *tried)
{
	SkIni ini;
	int item;

	sk_ini_init(&ini, text, strlen(text));
	while ((item = sk_ini_next(&ini)) != SK_INI_END) {
		char name[100];

		if (item != SK_INI_SETTING)
			continue;
		if (says(&ini.section, "Scan") && says(&ini.key, "RefuseTypes"))
			tried->has_types = true;
		else if (sk_str_format(name, sizeof(name), "%.*s/%.*s", (int)ini.section.size,
				 ini.section.text, (int)ini.key.size, ini.key.text) &&
			 json_array_size(tried->untried) < ERRORS_MAX &&
			 json_array_append_new(tried->untried, json_string(name)) < 0)
			return -ENOMEM;
	}
	return 0;
}

int sk_policy_tried(const json_t *files, SkPolicyTried *ret_tried)
{
	const char *text = sk_policy_file_text(files, SK_POLICY_SETTINGS_FILE);
	const SkSettingsOverlay overlay = {SK_POLICY_SETTINGS_FILE, text, text ? strlen(text) : 0};
	own_policy_tried SkPolicyTried tried = {.untried = json_array()};
	own_settings SkSettings *settings = NULL;
	own_free char *words = NULL;
	int r = tried.untried ? 0 : -ENOMEM;

	if (r == 0 && text)
		r = sk_settings_load_overlaid(NO_DIRECTORY, &overlay, &settings, &words);
	if (r == 0 && text)
		r = sort_settings(text, &tried);
	if (r < 0)
		return r;
	if (tried.has_types)
		tried.types = settings->scan.refuse_types;
	*ret_tried = tried;
	tried.untried = NULL;
	return 0;
}

static void ignore(void *data, const SkPolicyDiagnostic *diagnostic)
{
}

int sk_policy_compile_files(const json_t *files, SkPolicySnapshot **ret_snapshot)
{
	return compile(files, &(SkPolicyReport){.report = ignore}, ret_snapshot);
}
