/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/conf/schema.h"
#include "lib/conf/settings.h"

/* A directory of settings files, and what loading it gave. */
typedef struct Fixture {
	char directory[64];
	SkSettings *settings;
	char *errors;
} Fixture;

static int setup(void **state)
{
	Fixture *f = calloc(1, sizeof(*f));
	char path[128];

	sk_str_copy(f->directory, sizeof(f->directory), "/tmp/sekisho-conf-XXXXXX");
	if (!mkdtemp(f->directory))
		return -1;
	sk_str_format(path, sizeof(path), "%s/sekisho.conf.d", f->directory);
	*state = f;
	return mkdir(path, 0700);
}

static int teardown(void **state)
{
	Fixture *f = *state;
	char command[128];

	sk_str_format(command, sizeof(command), "rm -r %s", f->directory);
	sk_settings_free(f->settings);
	free(f->errors);
	free(f);
	return system(command);
}

static void put(Fixture *f, const char *name, const char *text, size_t size)
{
	own_file FILE *file = NULL;
	char path[256];

	sk_str_format(path, sizeof(path), "%s/%s", f->directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
}

static void put_text(Fixture *f, const char *name, const char *text)
{
	put(f, name, text, strlen(text));
}

static int load(Fixture *f)
{
	sk_settings_free(own_take(f->settings));
	free(own_take(f->errors));
	return sk_settings_load(f->directory, &f->settings, &f->errors);
}

static void no_file_means_the_defaults(void **state)
{
	Fixture *f = *state;

	assert_int_equal(load(f), 0);
	assert_null(f->errors);
	assert_int_equal(f->settings->agent.mode, SK_MODE_LEARN);
	assert_int_equal(f->settings->scan.max_file_size, 512 << 20);
	assert_int_equal(f->settings->scan.idle_sec, 300);
	assert_int_equal(f->settings->scan.refuse_types, 15);
	assert_string_equal(f->settings->scan.definitions_directory, "/var/lib/clamav");
	assert_int_equal(f->settings->audit.reserve_space, 64 << 20);
}

static void values_of_every_type_are_read(void **state)
{
	Fixture *f = *state;

	put_text(f, "sekisho.conf",
		"\xEF\xBB\xBF# 設定\r\n[Agent]\r\nMode = enforce\r\n; old "
		"style\n[Scan]\nIdleSec=10min\nWorkers=3\n"
		"RefuseTypes=program  script\n "
		"MaxFileSize=1023M\nMaxScanSize=1023M\n"
		"DefinitionsDirectory=/srv/\xE5\xAE\x9A\xE7\xBE\xA9\n");
	assert_int_equal(load(f), 0);
	assert_int_equal(f->settings->agent.mode, SK_MODE_ENFORCE);
	assert_int_equal(f->settings->scan.idle_sec, 600);
	assert_int_equal(f->settings->scan.workers, 3);
	assert_int_equal(f->settings->scan.max_file_size, 1023 << 20);
	assert_int_equal(f->settings->scan.refuse_types, SK_REFUSE_PROGRAM | SK_REFUSE_SCRIPT);
	assert_string_equal(f->settings->scan.definitions_directory, "/srv/\xE5\xAE\x9A\xE7\xBE\xA9");
}

static void later_files_override_by_name(void **state)
{
	Fixture *f = *state;

	put_text(f, "sekisho.conf", "[Scan]\nWorkers=1\nIdleSec=20\n");
	put_text(f, "sekisho.conf.d/20-b.conf", "[Scan]\nWorkers=3\n");
	put_text(f, "sekisho.conf.d/10-a.conf", "[Scan]\nWorkers=2\nFileTimeSec=30\n");
	put_text(f, "sekisho.conf.d/90-c.conf.off", "[Scan]\nWorkers=4\n");
	put_text(f, "sekisho.conf.d/.99-d.conf", "[Scan]\nWorkers=5\n");
	assert_int_equal(load(f), 0);
	assert_int_equal(f->settings->scan.workers, 3);
	assert_int_equal(f->settings->scan.idle_sec, 20);
	assert_int_equal(f->settings->scan.file_time_sec, 30);
}

static void mistakes_are_told_with_place_and_hint(void **state)
{
	static const struct {
		const char *text;
		const char *message; /* behind the name of the file */
	} cases[] = {
		{"[Agent]\nMode=enforced\n", ":2:6: Mode: expected one of learn, warn, enforce"},
		{"[Agent]\nMod=warn\n", ":2:1: unknown setting Mod; did you mean Mode?"},
		{"[agent]\nMode=warn\n", ":1:2: unknown section agent; did you mean Agent?"},
		{"[Printer]\nMode=warn\n", ":1:2: unknown section Printer; sekisho.conf(5) lists all"},
		{"[Agent]\nWorkers=2\n", ":2:1: Workers belongs into section [Scan]"},
		{"[Agent]\nTotallyDifferent=2\n",
			":2:1: unknown setting TotallyDifferent; sekisho.conf(5) lists all"},
		{"Mode=warn\n", ":1:1: this setting stands before the first [Section]"},
		{"[Agent\n", ":1:7: the section's closing ] is missing"},
		{"[Agent] x\n", ":1:8: nothing may follow the section's name on its line"},
		{"[]\n", ":1:2: the section's name is missing"},
		{"[Agent]\nMode\n", ":2:5: expected = and a value"},
		{"[Agent]\nMode: warn\n",
			":2:5: a line is [Section], Key=value, or a comment that begins with #"},
		{"[Agent]\n=warn\n", ":2:1: the name before = is missing"},
		{"[Agent]\nMode=\n", ":2:6: Mode: the value is missing; remove the line for the default"},
		{"[Agent]\nMode=warn\nMode=learn\n", ":3:1: Mode is set twice in this file, first in line 2"},
		{"[Scan]\nWorkers=65\n", ":2:9: Workers: out of range: 0 to 64"},
		{"[Scan]\nWorkers=-1\n", ":2:9: Workers: expected a number"},
		{"[Scan]\nWorkers=2s\n", ":2:10: Workers: expected a number without a unit"},
		{"[Scan]\nIdleSec=5w\n", ":2:10: IdleSec: unknown unit; known are d, h, min, m, s"},
		{"[Scan]\nIdleSec=1\n", ":2:9: IdleSec: out of range: 10s to 1d"},
		{"[Scan]\nIdleSec=99999999999999999999999\n", ":2:9: IdleSec: out of range: 10s to 1d"},
		{"[Scan]\nIdleSec=300000000000000000d\n", ":2:9: IdleSec: out of range: 10s to 1d"},
		{"[Scan]\nMaxFileSize=1G\n", ":2:13: MaxFileSize: out of range: 1M to 1023M"},
		{"[Scan]\nMaxFileSize=1001M\n", ":2:13: MaxFileSize must not be more than MaxScanSize"},
		{"[Scan]\nDefinitionsWarnDays=31\n",
			":2:21: DefinitionsWarnDays must not be more than DefinitionsRefuseDays"},
		{"[Scan]\nRefuseTypes=program  macros\n",
			":2:22: RefuseTypes: expected words of program, script, "
			"macro-document, encrypted-archive, or none"},
		{"[Agent]\nRulesDirectory=rules.d\n",
			":2:16: RulesDirectory: expected an absolute path, one that begins with /"},
		{"[Agent]\nRulesDirectory=/rules/../etc\n",
			":2:22: RulesDirectory: a path here has no trailing or double /, no . and no .."},
		{"[Agent]\nRulesDirectory=/\xE5\xAA\x92/\n",
			":2:18: RulesDirectory: a path here has no trailing or double /, no . and no .."},
		/* 設定 in Shift_JIS, EUC-JP, and cut UTF-8; UTF-16 as Windows saves it. */
		{"[Agent]\n# \x90\xDD\x92\xE8\n",
			":2:3: not UTF-8: it looks like Shift_JIS; convert it with: iconv -f CP932 -t UTF-8"},
		{"[Agent]\n# \xC0\xDF\xC4\xEA\n",
			":2:3: not UTF-8: it looks like EUC-JP; convert it with: iconv -f EUC-JP -t UTF-8"},
		{"[Agent]\n# \xE8\xA8\xAD\xE5\xAE\n", ":2:4: not UTF-8; save the file as UTF-8"},
		{"\xFF\xFE[",
			":1:1: not UTF-8: it looks like UTF-16; convert it with: iconv -f UTF-16 -t UTF-8"},
	};
	Fixture *f = *state;

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		char expected[512];

		put_text(f, "sekisho.conf", cases[i].text);
		assert_int_equal(load(f), -EINVAL);
		assert_null(f->settings);
		sk_str_format(
			expected, sizeof(expected), "%s/sekisho.conf%s\n", f->directory, cases[i].message);
		assert_string_equal(f->errors, expected);
	}
}

static void zero_bytes_are_no_text(void **state)
{
	Fixture *f = *state;

	put(f, "sekisho.conf", "[Agent]\nMo\0de=warn\n", 20);
	assert_int_equal(load(f), -EINVAL);
	assert_non_null(strstr(f->errors, "sekisho.conf:2:3: a 0 byte: this is no text file\n"));
}

static void one_run_shows_all_mistakes_up_to_a_limit(void **state)
{
	Fixture *f = *state;
	char text[2048] = "[Scan]\n";
	size_t lines = 0;

	for (int i = 0; i < 25; i++)
		strcat(text, "Nothing=1\n");
	put_text(f, "sekisho.conf", text);
	assert_int_equal(load(f), -EINVAL);
	for (const char *p = f->errors; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, SK_SETTINGS_ERRORS_MAX + 1);
	assert_non_null(strstr(f->errors, "5 more errors\n"));
}

static void what_is_no_file_is_told_not_skipped(void **state)
{
	Fixture *f = *state;
	char path[128];

	sk_str_format(path, sizeof(path), "%s/sekisho.conf.d/10-x.conf", f->directory);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(load(f), -EINVAL);
	assert_non_null(strstr(f->errors, "10-x.conf: is no file\n"));
}

static void foreign_bytes_in_messages_are_escaped(void **state)
{
	Fixture *f = *state;

	put_text(f, "sekisho.conf", "[Agent]\nMode=\x1b[31mwarn\n");
	assert_int_equal(load(f), -EINVAL);
	assert_null(strchr(f->errors, 0x1b));
}

static int load_with(Fixture *f, const char *text)
{
	const SkSettingsOverlay overlay = {.name = "console", .text = text, .size = strlen(text)};

	sk_settings_free(own_take(f->settings));
	free(own_take(f->errors));
	return sk_settings_load_overlaid(f->directory, &overlay, &f->settings, &f->errors);
}

static void the_console_overrides_but_not_everything(void **state)
{
	Fixture *f = *state;

	put_text(f, "sekisho.conf", "[Scan]\nIdleSec=1min\n[Uplink]\nProxy=http://proxy.example:3128\n");
	assert_int_equal(load_with(f, "[Scan]\nIdleSec=2min\n"), 0);
	assert_int_equal(f->settings->scan.idle_sec, 120);
	assert_string_equal(f->settings->uplink.proxy, "http://proxy.example:3128");
	assert_int_equal(load_with(f, "[Agent]\nStateDirectory=/tmp\n"), -EINVAL);
	assert_non_null(strstr(f->errors, "console:2:1: StateDirectory is not for the console to set"));
	assert_int_equal(load_with(f, "[Uplink]\nProxy=none\n"), -EINVAL);
	assert_int_equal(load_with(f, "[Console]\nSettings=take\n"), -EINVAL);
	assert_int_equal(load_with(f, "[Scan]\nIdle=2min\n"), -EINVAL);
	put_text(f, "sekisho.conf", "[Console]\nSettings=ignore\n");
	assert_int_equal(load_with(f, "[Agent]\nStateDirectory=/tmp\n"), 0);
	assert_string_equal(f->settings->uplink.proxy, "");
}

static void proxies_are_urls(void **state)
{
	Fixture *f = *state;

	put_text(f, "sekisho.conf", "[Uplink]\nProxy=ftp://proxy\n");
	assert_int_equal(load(f), -EINVAL);
	put_text(f, "sekisho.conf", "[Uplink]\nProxy=http://\n");
	assert_int_equal(load(f), -EINVAL);
	put_text(f, "sekisho.conf", "[Uplink]\nProxy=socks5h://[::1]:1080\n");
	assert_int_equal(load(f), 0);
	assert_string_equal(f->settings->uplink.proxy, "socks5h://[::1]:1080");
}

static void the_schema_is_sound(void **state)
{
	for (const SkSetting *a = sk_settings_schema; a->section; a++) {
		SkValue value = {0};
		SkValueError error;

		assert_true(strlen(a->doc) > 0);
		assert_int_equal(sk_value_parse(&a->rule, a->fallback, &value, &error), 0);
		if (sk_value_is_owned(a->rule.type))
			free(value.path);
		for (const SkSetting *b = a + 1; b->section; b++) {
			assert_int_not_equal(a->offset, b->offset);
			assert_false(sk_str_eq(a->section, b->section) && sk_str_eq(a->key, b->key));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_file_means_the_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(values_of_every_type_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(later_files_override_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes_are_told_with_place_and_hint, setup, teardown),
		cmocka_unit_test_setup_teardown(zero_bytes_are_no_text, setup, teardown),
		cmocka_unit_test_setup_teardown(one_run_shows_all_mistakes_up_to_a_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_told_not_skipped, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_bytes_in_messages_are_escaped, setup, teardown),
		cmocka_unit_test_setup_teardown(the_console_overrides_but_not_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(proxies_are_urls, setup, teardown),
		cmocka_unit_test(the_schema_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
