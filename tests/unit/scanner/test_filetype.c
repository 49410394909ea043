/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/scanner/filetype.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

/* Folder of tests/data/scan/types, from meson.build. */
#define TYPES TEST_DATA "/types/"

/* Calls back for each file of a folder and returns how many there were. */
static unsigned check_folder(const char *folder, uint32_t expected, size_t (*cut)(size_t))
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		own_free char *data = NULL;
		size_t size;
		FileType type;

		if (entry->d_name[0] == '.')
			continue;
		assert_int_equal(sk_io_read_file_at(dirfd(dir), entry->d_name, 1 << 20, &data, &size), 0);
		type = filetype_detect((const uint8_t *)data, cut ? cut(size) : size);
		if (!cut && type.types != expected)
			fail_msg("%s/%s has types %x, not %x", folder, entry->d_name, type.types, expected);
		n++;
	}
	closedir(dir);
	return n;
}

static void programs_are_recognised(void **state)
{
	assert_true(check_folder(TYPES "program", SK_TYPE_PROGRAM, NULL) >= 12);
}

static void scripts_are_recognised(void **state)
{
	assert_true(check_folder(TYPES "script", SK_TYPE_SCRIPT, NULL) >= 30);
}

static void documents_with_macros_are_recognised(void **state)
{
	assert_true(check_folder(TYPES "macro", SK_TYPE_MACRO_DOCUMENT, NULL) >= 11);
}

static void encrypted_archives_are_recognised(void **state)
{
	assert_true(check_folder(TYPES "encrypted", SK_TYPE_ENCRYPTED_ARCHIVE, NULL) >= 8);
}

static void what_a_clinic_carries_is_none_of_them(void **state)
{
	assert_true(check_folder(TYPES "none", 0, NULL) >= 35);
}

static size_t half(size_t size)
{
	return size / 2;
}

static size_t all_but_one(size_t size)
{
	return size > 0 ? size - 1 : 0;
}

/* Under the sanitizers: no read beyond what is there. */
static void files_that_are_cut_short_do_no_harm(void **state)
{
	static const char *const folders[] = {
		TYPES "program", TYPES "script", TYPES "macro", TYPES "encrypted", TYPES "none"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++) {
		check_folder(folders[i], 0, half);
		check_folder(folders[i], 0, all_but_one);
	}
}

static FileType type_of(const char *text)
{
	return filetype_detect((const uint8_t *)text, strlen(text));
}

static void one_word_of_a_language_is_not_enough(void **state)
{
	assert_int_equal(type_of("pause\nthe music\n").types, 0);
	assert_int_equal(type_of("let there be light\n").types, 0);
	assert_int_equal(type_of("goto fail\n").types, 0);
	assert_int_equal(type_of("dim light\n").types, 0);
}

static void the_same_word_again_does_not_add_up(void **state)
{
	assert_int_equal(type_of("pause\npause\npause\npause\npause\n").types, 0);
	assert_int_equal(type_of("goto a\ngoto a\ngoto a\n").types, 0);
}

static void a_name_in_the_content_says_what_it_is(void **state)
{
	assert_string_equal(type_of("%PDF-1.7\n").mime, "application/pdf");
	assert_string_equal(type_of("<!DOCTYPE html><p>x").mime, "text/html");
	assert_string_equal(type_of("just words\n").mime, "text/plain");
	assert_null(type_of("\1\2\3\4 neither").mime);
}

/* Random bytes after each magic number that leads to a closer look. */
static void damaged_containers_are_survived(void **state)
{
	static const char *const begins[] = {"PK\3\4", "7z\xbc\xaf\x27\x1c", "Rar!\x1a\7", "Rar!\x1a\7\1",
		"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"};
	uint8_t data[4096];

	srand(7);
	for (unsigned round = 0; round < 200; round++) {
		const char *begin = begins[round % SK_ARRAY_SIZE(begins)];

		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)rand();
		memcpy(data, begin, strlen(begin));
		filetype_detect(data, 16 + (size_t)rand() % (sizeof(data) - 16));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_recognised),
		cmocka_unit_test(scripts_are_recognised),
		cmocka_unit_test(documents_with_macros_are_recognised),
		cmocka_unit_test(encrypted_archives_are_recognised),
		cmocka_unit_test(what_a_clinic_carries_is_none_of_them),
		cmocka_unit_test(files_that_are_cut_short_do_no_harm),
		cmocka_unit_test(one_word_of_a_language_is_not_enough),
		cmocka_unit_test(the_same_word_again_does_not_add_up),
		cmocka_unit_test(a_name_in_the_content_says_what_it_is),
		cmocka_unit_test(damaged_containers_are_survived),
	};

	return cmocka_run_group_tests_name("filetype", tests, NULL, NULL);
}
