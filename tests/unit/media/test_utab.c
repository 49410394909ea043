/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "agent/media/utab.h"
#include "lib/base/io.h"
#include "lib/base/own.h"

#define OTHER "SRC=/dev/sdz1 TARGET=/srv/other ROOT=/ OPTS=user=doctor\n"
#define PLACE "/media/doctor/USB 1 \\u{202e}"

static char directory[] = "/tmp/sekisho-utab-XXXXXX", path[64], lock_path[64];

static int make_directory(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/utab", directory);
	snprintf(lock_path, sizeof(lock_path), "%s/utab.lock", directory);
	return setenv("LIBMOUNT_UTAB", path, 1);
}

static int remove_directory(void **state)
{
	unlink(path);
	unlink(lock_path);
	return rmdir(directory);
}

static void put(const char *text)
{
	own_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_equal(sk_io_write_all(fd, text, strlen(text)), 0);
}

static bool holds(const char *words)
{
	own_free char *text = NULL;
	size_t size;

	return sk_io_read_file_at(AT_FDCWD, path, 65536, &text, &size) == 0 && strstr(text, words) != NULL;
}

static void it_is_added_and_removed(void **state)
{
	unlink(path);
	media_utab_add("/dev/dm-0", PLACE);
	assert_true(holds("SRC=/dev/dm-0 "));
	assert_true(holds("OPTS=uhelper=sekisho,x-gvfs-show\n"));
	media_utab_remove(PLACE);
	assert_false(holds("sekisho"));
	media_utab_remove(PLACE);
}

static void entries_of_others_stay(void **state)
{
	put(OTHER);
	media_utab_add("sekisho", PLACE);
	media_utab_add("/dev/dm-1", PLACE "-2");
	media_utab_remove(PLACE);
	assert_true(holds("/dev/dm-1"));
	assert_true(holds("TARGET=/srv/other"));
	media_utab_remove(PLACE "-2");
	assert_true(holds(OTHER));
	assert_false(holds("sekisho"));
}

static void a_torn_list_is_no_obstacle(void **state)
{
	put(OTHER "SRC=/dev/sdy1 TARG");
	media_utab_add("/dev/dm-0", PLACE);
	assert_true(holds("uhelper=sekisho"));
	assert_true(holds("TARGET=/srv/other"));
	media_utab_remove(PLACE);
	assert_false(holds("sekisho"));
}

static void who_holds_the_lock_does_not_hold_us_up(void **state)
{
	own_fd int lock = open(lock_path, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
	time_t before = time(NULL);

	put(OTHER);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	media_utab_add("/dev/dm-0", PLACE);
	assert_true(time(NULL) - before <= 5);
	assert_false(holds("sekisho"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_added_and_removed),
		cmocka_unit_test(entries_of_others_stay),
		cmocka_unit_test(a_torn_list_is_no_obstacle),
		cmocka_unit_test(who_holds_the_lock_does_not_hold_us_up),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
