/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/media/alias.h"

static char directory[] = "/tmp/sekisho-alias-XXXXXX";
static int fd = -1;

static int make_directory(void **state)
{
	fd = mkdtemp(directory) ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return fd < 0 ? -1 : 0;
}

static int remove_directory(void **state)
{
	close(fd);
	return rmdir(directory);
}

static void assert_leads(const char *alias, const char *name)
{
	char target[256];
	ssize_t n = readlinkat(fd, alias, target, sizeof(target) - 1);

	if (!name) {
		assert_int_equal(n, -1);
		return;
	}
	assert_true(n > 0);
	target[n] = 0;
	assert_string_equal(target, name);
}

static void names_are_written_as_gvfs_does(void **state)
{
	static const struct {
		const char *name, *alias;
	} cases[] = {
		{"日 本", "\\346\\227\\245 \\346\\234\\254"},
		{"rtl\\u{202e}", "rtl\\\\u{202e}"},
		{"a \"b\"", "a \\\"b\\\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		media_alias_add(fd, cases[i].name);
		media_alias_add(fd, cases[i].name);
		assert_leads(cases[i].alias, cases[i].name);
		media_alias_remove(fd, cases[i].name);
		assert_leads(cases[i].alias, NULL);
	}
}

static void plain_and_long_names_have_none(void **state)
{
	char name[201];

	media_alias_add(fd, "USB 1");
	assert_leads("USB 1", NULL);
	for (size_t i = 0; i < 198; i += 3)
		memcpy(name + i, "日", 3);
	name[198] = 0;
	media_alias_add(fd, name);
	media_alias_remove(fd, name);
}

static void what_is_no_link_stays(void **state)
{
	assert_int_equal(mkdirat(fd, "\\346\\227\\245", 0700), 0);
	media_alias_add(fd, "日");
	media_alias_remove(fd, "日");
	assert_int_equal(unlinkat(fd, "\\346\\227\\245", AT_REMOVEDIR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_written_as_gvfs_does),
		cmocka_unit_test(plain_and_long_names_have_none),
		cmocka_unit_test(what_is_no_link_stays),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
