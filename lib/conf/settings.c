/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/conf/encoding.h"
#include "lib/conf/ini.h"
#include "lib/conf/schema.h"
#include "lib/conf/table.h"

#define DROP_INS_MAX 256

/* Where a setting got its value; file NULL: the default. */
typedef struct Origin {
	char *file;
	unsigned line;
	unsigned column;
} Origin;

typedef struct Loader {
	const SkSettingTable *table;
	const char *directory;
	const char *file; /* the one being read, as messages name it */
	void *settings;
	Origin origins[SK_SETTINGS_MAX];
	unsigned seen_line[SK_SETTINGS_MAX]; /* in this file; 0: not yet */
	char *errors;
	size_t errors_size;
	FILE *out; /* writes errors */
	unsigned error_count;
	bool from_console; /* the file being read came from there */
} Loader;

static const char *const mode_names[] = {
	[SK_MODE_LEARN] = "learn",
	[SK_MODE_WARN] = "warn",
	[SK_MODE_ENFORCE] = "enforce",
};

const char *sk_mode_name(SkMode mode)
{
	return (size_t)mode < SK_ARRAY_SIZE(mode_names) ? mode_names[mode] : "unknown";
}

__attribute__((format(printf, 4, 5))) static void add_error(
	Loader *loader, unsigned line, unsigned column, const char *format, ...)
{
	va_list ap;

	if (++loader->error_count > SK_SETTINGS_ERRORS_MAX)
		return;
	fputs(loader->file, loader->out);
	if (line > 0)
		fprintf(loader->out, ":%u:%u", line, column);
	fputs(": ", loader->out);
	va_start(ap, format);
	vfprintf(loader->out, format, ap);
	va_end(ap);
	fputc('\n', loader->out);
}

static bool text_equals(const SkIniText *text, const char *s)
{
	return strlen(s) == text->size && memcmp(s, text->text, text->size) == 0;
}

/* The names among which the nearest is looked for. */
typedef struct Names {
	const char *items[SK_SETTINGS_MAX];
	size_t count;
} Names;

/* Names of sections (section NULL), or of the keys of one. */
static Names list_names(const SkSetting *schema, const SkIniText *section)
{
	Names names = {0};

	for (const SkSetting *s = schema; s->section; s++) {
		if (section && text_equals(section, s->section))
			names.items[names.count++] = s->key;
		if (!section && (s == schema || !sk_str_eq(s->section, s[-1].section)))
			names.items[names.count++] = s->section;
	}
	return names;
}

static void add_unknown(
	Loader *loader, const SkIni *ini, const char *what, const SkIniText *name, const Names *names)
{
	char raw[64], shown[160];
	const char *nearest;

	sk_str_format(raw, sizeof(raw), "%.*s", (int)name->size, name->text);
	sk_utf8_escape(shown, sizeof(shown), raw, strlen(raw));
	nearest = sk_name_nearest(raw, names->items, names->count);
	if (nearest)
		add_error(loader, ini->line, name->column, "unknown %s %s; did you mean %s?", what, shown,
			nearest);
	else
		add_error(loader, ini->line, name->column, "unknown %s %s; %s(5) lists all", what, shown,
			loader->table->name);
}

static void check_section(Loader *loader, const SkIni *ini)
{
	const Names names = list_names(loader->table->schema, NULL);

	for (size_t i = 0; i < names.count; i++)
		if (text_equals(&ini->section, names.items[i]))
			return;
	add_unknown(loader, ini, "section", &ini->section, &names);
}

/* An unknown key of a known section; an unknown section has been told already. */
static void check_unknown_key(Loader *loader, const SkIni *ini)
{
	const Names names = list_names(loader->table->schema, &ini->section);

	if (names.count == 0)
		return;
	for (const SkSetting *s = loader->table->schema; s->section; s++)
		if (text_equals(&ini->key, s->key)) {
			add_error(loader, ini->line, ini->key.column, "%s belongs into section [%s]", s->key,
				s->section);
			return;
		}
	add_unknown(loader, ini, "setting", &ini->key, &names);
}

static const SkSetting *find_setting(const SkSetting *schema, const SkIni *ini)
{
	for (const SkSetting *s = schema; s->section; s++)
		if (text_equals(&ini->section, s->section) && text_equals(&ini->key, s->key))
			return s;
	return NULL;
}

static int set_origin(Loader *loader, size_t index, const SkIni *ini)
{
	char *file = strdup(loader->file);

	if (!file)
		return -ENOMEM;
	free(loader->origins[index].file);
	loader->origins[index] = (Origin){file, ini->line, ini->value.column};
	loader->seen_line[index] = ini->line;
	return 0;
}

static unsigned count_characters(const char *text, size_t size)
{
	unsigned count = 0;

	for (size_t i = 0; i < size; i++)
		count += ((unsigned char)text[i] & 0xC0) != 0x80;
	return count;
}

/* A console that could move the state or itself would be out of anybody's reach. */
static bool belongs_to_this_pc(const SkSetting *setting)
{
	return setting->rule.type == SK_VALUE_PATH || setting->rule.type == SK_VALUE_PROXY ||
	       sk_str_eq(setting->section, "Console") || sk_str_eq(setting->section, "Uplink");
}

static int apply_setting(Loader *loader, const SkIni *ini)
{
	const SkSetting *setting = find_setting(loader->table->schema, ini);
	size_t index = setting ? (size_t)(setting - loader->table->schema) : 0;
	SkValueError error = {0};
	char text[SK_VALUE_MAX];
	SkValue value;
	int r;

	if (!setting) {
		check_unknown_key(loader, ini);
		return 0;
	}
	if (loader->from_console && belongs_to_this_pc(setting)) {
		add_error(
			loader, ini->line, ini->key.column, "%s is not for the console to set", setting->key);
		return 0;
	}
	if (loader->seen_line[index] > 0) {
		add_error(loader, ini->line, ini->key.column,
			"%s is set twice in this file, first in line %u", setting->key,
			loader->seen_line[index]);
		return 0;
	}
	if (!sk_str_format(text, sizeof(text), "%.*s", (int)ini->value.size, ini->value.text)) {
		add_error(loader, ini->line, ini->value.column, "%s: the value is too long", setting->key);
		return 0;
	}
	r = sk_value_parse(&setting->rule, text, &value, &error);
	if (r == -EINVAL) {
		add_error(loader, ini->line, ini->value.column + count_characters(text, error.offset),
			"%s: %s", setting->key, error.text);
		return 0;
	}
	if (r < 0)
		return r;
	sk_setting_store(setting, loader->settings, value);
	return set_origin(loader, index, ini);
}

static int parse_file(Loader *loader, const char *text, size_t size)
{
	SkEncodingError encoding;
	SkIni ini;
	int item, r = 0;

	memset(loader->seen_line, 0, sizeof(loader->seen_line));
	if (sk_encoding_check(text, size, &encoding) < 0) {
		add_error(loader, encoding.line, encoding.column, "%s", encoding.text);
		return 0;
	}
	sk_ini_init(&ini, text, size);
	while (r == 0 && (item = sk_ini_next(&ini)) != SK_INI_END) {
		if (item == -EBADMSG)
			add_error(loader, ini.line, ini.column, "%s", ini.error);
		else if (item == SK_INI_SECTION)
			check_section(loader, &ini);
		else
			r = apply_setting(loader, &ini);
	}
	return r;
}

/* name: below the directory of the loader. A file that is there and cannot be read is an error, not a
 * default. */
static int load_file(Loader *loader, const char *name, bool optional)
{
	own_free char *path = NULL, *text = NULL;
	struct stat st;
	size_t size = 0;
	int r;

	if (asprintf(&path, "%s/%s", loader->directory, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	loader->file = path;
	if (stat(path, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	else
		r = sk_io_read_file_at(AT_FDCWD, path, SK_INI_FILE_MAX, &text, &size);
	if (r == 0)
		r = parse_file(loader, text, size);
	else if (r == -ENOENT && optional)
		r = 0;
	else if (r == -EINVAL)
		add_error(loader, 0, 0, "is no file");
	else if (r != -ENOMEM)
		add_error(loader, 0, 0, "cannot be read: %s", strerror(-r));
	loader->file = "";
	return r == -EINVAL ? 0 : r;
}

static int is_drop_in(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && sk_str_eq(dot, ".conf");
}

/* By bytes: alphasort() would depend on the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_drop_ins(Loader *loader)
{
	own_free char *directory = NULL;
	struct dirent **entries = NULL;
	int count, r = 0;

	if (asprintf(&directory, "%s/%s.d", loader->directory, loader->table->name) < 0) {
		directory = NULL;
		return -ENOMEM;
	}
	count = scandir(directory, &entries, is_drop_in, compare_names);
	loader->file = directory;
	if (count < 0 && errno != ENOENT) {
		r = -errno;
		add_error(loader, 0, 0, "cannot be read: %s", strerror(-r));
	}
	if (count > DROP_INS_MAX) {
		add_error(loader, 0, 0, "holds %d files; at most %d are read", count, DROP_INS_MAX);
		r = -EINVAL;
	}
	for (int i = 0; i < count; i++) {
		char name[512];

		if (r == 0 &&
			sk_str_format(name, sizeof(name), "%s.d/%s", loader->table->name, entries[i]->d_name))
			r = load_file(loader, name, false);
		free(entries[i]);
	}
	free(entries);
	loader->file = "";
	return r;
}

static const SkSetting *setting_at(const SkSetting *s, size_t offset)
{
	while (s->offset != offset)
		s++;
	return s;
}

static void check_pairs(Loader *loader)
{
	for (size_t i = 0; i < loader->table->n_pairs; i++) {
		const SkSettingPair *pair = &loader->table->pairs[i];
		const SkSetting *low = setting_at(loader->table->schema, pair->low_offset);
		const SkSetting *high = setting_at(loader->table->schema, pair->high_offset);
		uint64_t low_value = *(uint64_t *)((char *)loader->settings + pair->low_offset);
		uint64_t high_value = *(uint64_t *)((char *)loader->settings + pair->high_offset);
		const Origin *origin = &loader->origins[low - loader->table->schema];

		if (high_value == 0 || low_value <= high_value)
			continue;
		if (!origin->file)
			origin = &loader->origins[high - loader->table->schema];
		loader->file = origin->file ? origin->file : loader->directory;
		add_error(loader, origin->line, origin->column, "%s must not be more than %s", low->key,
			high->key);
	}
}

int sk_setting_table_new(const SkSettingTable *table, void **ret_settings)
{
	void *settings = calloc(1, table->size);

	if (!settings)
		return -ENOMEM;
	for (const SkSetting *s = table->schema; s->section; s++) {
		SkValueError error;
		SkValue value;
		int r = sk_value_parse(&s->rule, s->fallback, &value, &error);

		if (r < 0) {
			sk_setting_table_free(table, settings);
			return r;
		}
		sk_setting_store(s, settings, value);
	}
	*ret_settings = settings;
	return 0;
}

void sk_setting_table_free(const SkSettingTable *table, void *settings)
{
	if (!settings)
		return;
	for (const SkSetting *s = table->schema; s->section; s++)
		if (sk_value_is_owned(s->rule.type))
			free(*(char **)((char *)settings + s->offset));
	free(settings);
}

static int finish(Loader *loader, int r, char **ret_errors)
{
	if (loader->error_count > SK_SETTINGS_ERRORS_MAX)
		fprintf(loader->out, "%u more errors\n", loader->error_count - SK_SETTINGS_ERRORS_MAX);
	if (fclose(loader->out) != 0 && r == 0)
		r = -ENOMEM;
	if (r == 0 && loader->error_count > 0)
		r = -EINVAL;
	for (size_t i = 0; i < SK_SETTINGS_MAX; i++)
		free(loader->origins[i].file);
	if (r == 0) {
		free(loader->errors);
		loader->errors = NULL;
	}
	*ret_errors = loader->errors;
	return r;
}

static int load_overlay(Loader *loader, const SkSettingsOverlay *overlay)
{
	int r;

	loader->file = overlay->name;
	loader->from_console = true;
	r = parse_file(loader, overlay->text, overlay->size);
	loader->from_console = false;
	loader->file = "";
	return r;
}

/* overlay: only of the agent's table. */
static int load_table(const SkSettingTable *table, const char *conf_directory,
	const SkSettingsOverlay *overlay, void **ret_settings, char **ret_errors)
{
	Loader loader = {.table = table, .directory = conf_directory, .file = ""};
	int r;

	*ret_errors = NULL;
	loader.out = open_memstream(&loader.errors, &loader.errors_size);
	if (!loader.out)
		return -ENOMEM;
	r = sk_setting_table_new(table, &loader.settings);
	if (r == 0)
		r = load_file(&loader, table->name, true);
	if (r == 0)
		r = load_drop_ins(&loader);
	if (r == 0 && overlay &&
		((const SkSettings *)loader.settings)->console.settings == SK_CONSOLE_SETTINGS_TAKE)
		r = load_overlay(&loader, overlay);
	if (r == 0 && loader.error_count == 0)
		check_pairs(&loader);
	r = finish(&loader, r, ret_errors);
	if (r == 0)
		*ret_settings = loader.settings;
	else
		sk_setting_table_free(table, loader.settings);
	return r;
}

int sk_setting_table_load(
	const SkSettingTable *table, const char *conf_directory, void **ret_settings, char **ret_errors)
{
	return load_table(table, conf_directory, NULL, ret_settings, ret_errors);
}

/* The agent's. */
static SkSettingTable agent_table(void)
{
	return (SkSettingTable){.name = "sekisho.conf",
		.size = sizeof(SkSettings),
		.schema = sk_settings_schema,
		.pairs = sk_settings_pairs,
		.n_pairs = sk_settings_pairs_size};
}

int sk_settings_new(SkSettings **ret_settings)
{
	const SkSettingTable table = agent_table();

	return sk_setting_table_new(&table, (void **)ret_settings);
}

void sk_settings_free(SkSettings *settings)
{
	const SkSettingTable table = agent_table();

	sk_setting_table_free(&table, settings);
}

int sk_settings_load(const char *conf_directory, SkSettings **ret_settings, char **ret_errors)
{
	return sk_settings_load_overlaid(conf_directory, NULL, ret_settings, ret_errors);
}

int sk_settings_load_overlaid(const char *conf_directory, const SkSettingsOverlay *overlay,
	SkSettings **ret_settings, char **ret_errors)
{
	const SkSettingTable table = agent_table();

	return load_table(&table, conf_directory, overlay, (void **)ret_settings, ret_errors);
}
