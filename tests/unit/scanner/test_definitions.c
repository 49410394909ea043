/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scanner/definitions.h"
#include "agent/scanner/hash.h"

static char folder[64];

static int make_folder(void **state)
{
	strcpy(folder, "/tmp/definitions-XXXXXX");
	return mkdtemp(folder) ? hash_init() : -1;
}

static int remove_folder(void **state)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void put(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static Definitions look(void)
{
	Definitions definitions;

	assert_int_equal(definitions_read(folder, &definitions), 0);
	return definitions;
}

static void an_empty_folder_has_no_files(void **state)
{
	put("README.txt", "x");
	put(".hidden", "x");
	assert_int_equal(look().files, 0);
}

static void a_folder_that_is_missing_is_an_error(void **state)
{
	Definitions definitions;

	assert_int_equal(definitions_read("/nonexistent", &definitions), -ENOENT);
}

static void set_time(const char *path, time_t seconds)
{
	const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void the_newest_of_two_places_is_used(void **state)
{
	char other[96], path[128];
	const char *const places[] = {folder, other, NULL};

	snprintf(other, sizeof(other), "%s/other", folder);
	/* A place that is missing or empty is none. */
	assert_ptr_equal(definitions_newest(places), folder);
	assert_int_equal(mkdir(other, 0755), 0);
	put("a.hdb", "00000000000000000000000000000000:1:x\n");
	assert_ptr_equal(definitions_newest(places), folder);
	put("other/a.hdb", "00000000000000000000000000000000:1:x\n");
	snprintf(path, sizeof(path), "%s/a.hdb", folder);
	set_time(path, 1700000000);
	assert_ptr_equal(definitions_newest(places), other);
	set_time(path, 4000000000);
	assert_ptr_equal(definitions_newest(places), folder);
	unlink(path);
	assert_ptr_equal(definitions_newest(places), other);
}

static void the_version_follows_every_change(void **state)
{
	Definitions first, second, third;
	char path[128];

	put("a.hdb", "00000000000000000000000000000000:1:x\n");
	first = look();
	assert_int_equal(first.files, 1);
	assert_true(first.time > 0);
	assert_int_equal(look().version, first.version);
	put("b.ndb", "x:0:*:00\n");
	second = look();
	assert_true(second.version != first.version);
	put("a.hdb", "00000000000000000000000000000000:12:x\n");
	third = look();
	assert_true(third.version != second.version);
	snprintf(path, sizeof(path), "%s/b.ndb", folder);
	unlink(path);
	assert_true(look().version != third.version);
}

static void other_files_do_not_change_the_version(void **state)
{
	uint64_t version;

	put("a.hdb", "x\n");
	version = look().version;
	put("freshclam.dat", "x");
	put("mirrors.tmp", "x");
	assert_int_equal(look().version, version);
}

static void pictures_are_compared_when_a_signature_asks(void **state)
{
	char *text = malloc(70000);

	put("a.ndb", "fuzzy_img:0:*:00\n");
	put("b.ldb", "Test;Engine:150-255,Target:0;0;6162\n");
	assert_false(definitions_compare_pictures(folder));
	/* Across the border of what is read at once. */
	memset(text, 'x', 69999);
	text[69999] = 0;
	memcpy(text + 65530, "fuzzy_img#af2ad01ed42993c7#0", 28);
	put("c.ldb", text);
	free(text);
	assert_true(definitions_compare_pictures(folder));
}

static void a_damaged_container_leaves_pictures_on(void **state)
{
	put("daily.cvd", "ClamAV-VDB:broken");
	assert_true(definitions_compare_pictures(folder));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(an_empty_folder_has_no_files),
		IN_FOLDER(a_folder_that_is_missing_is_an_error),
		IN_FOLDER(the_newest_of_two_places_is_used),
		IN_FOLDER(the_version_follows_every_change),
		IN_FOLDER(other_files_do_not_change_the_version),
		IN_FOLDER(pictures_are_compared_when_a_signature_asks),
		IN_FOLDER(a_damaged_container_leaves_pictures_on),
	};

	return cmocka_run_group_tests_name("definitions", tests, NULL, NULL);
}
