/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scanner/walk.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

typedef struct Place {
	char path[64];
	int fd;
} Place;

static int make_place(void **state)
{
	static Place place;

	strcpy(place.path, "/tmp/walk-XXXXXX");
	if (!mkdtemp(place.path))
		return -1;
	place.fd = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &place;
	return place.fd < 0;
}

static int remove_place(void **state)
{
	Place *place = *state;
	char command[96];

	close(place->fd);
	snprintf(command, sizeof(command), "rm -rf %s", place->path);
	return system(command);
}

static void put(const Place *place, const char *name, const char *text)
{
	int fd = openat(place->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* All paths, each followed by a blank, in order of the walk. Return: how many. */
static unsigned collect(const Place *place, char *paths, size_t size)
{
	Walk *walk = walk_new(place->fd, NULL);
	unsigned n = 0;
	const char *path;
	SkFileId file;
	int fd, r;

	assert_non_null(walk);
	paths[0] = 0;
	while ((r = walk_next(walk, &fd, &file, &path)) == 1) {
		struct stat st;

		assert_int_equal(fstat(fd, &st), 0);
		assert_true(S_ISREG(st.st_mode));
		assert_int_equal(file.ino, st.st_ino);
		assert_int_equal(file.size, st.st_size);
		if (strlen(paths) + strlen(path) + 2 < size) {
			strcat(paths, path);
			strcat(paths, " ");
		}
		close(fd);
		n++;
	}
	assert_int_equal(r, 0);
	walk_free(walk);
	return n;
}

static void shallow_folders_come_first(void **state)
{
	Place *place = *state;
	char paths[256];

	assert_int_equal(mkdirat(place->fd, "a", 0700), 0);
	assert_int_equal(mkdirat(place->fd, "a/b", 0700), 0);
	put(place, "a/b/deep", "3");
	put(place, "a/middle", "22");
	put(place, "top", "1");
	assert_int_equal(collect(place, paths, sizeof(paths)), 3);
	assert_string_equal(paths, "top a/middle a/b/deep ");
}

static void links_and_devices_are_passed_over(void **state)
{
	Place *place = *state;
	char paths[256];

	put(place, "file", "x");
	assert_int_equal(symlinkat("/etc/passwd", place->fd, "link"), 0);
	assert_int_equal(symlinkat("/etc", place->fd, "folder-link"), 0);
	assert_int_equal(mkfifoat(place->fd, "pipe", 0600), 0);
	assert_int_equal(collect(place, paths, sizeof(paths)), 1);
	assert_string_equal(paths, "file ");
}

static void folders_beyond_the_depth_are_passed_over(void **state)
{
	Place *place = *state;
	char path[512] = "", paths[1024];

	for (unsigned i = 0; i < WALK_DEPTH_MAX + 5; i++) {
		strcat(path, i ? "/d" : "d");
		assert_int_equal(mkdirat(place->fd, path, 0700), 0);
	}
	strcat(path, "/file");
	put(place, path, "x");
	put(place, "top", "x");
	assert_int_equal(collect(place, paths, sizeof(paths)), 1);
}

static void an_empty_medium_has_no_files(void **state)
{
	Place *place = *state;
	char paths[16];

	assert_int_equal(collect(place, paths, sizeof(paths)), 0);
}

static void many_files_cost_no_more_descriptors(void **state)
{
	Place *place = *state;
	char name[32], paths[16];
	int before = dup(place->fd), after;

	close(before);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "file-%u", i);
		put(place, name, "x");
	}
	assert_int_equal(collect(place, paths, sizeof(paths)), 3000);
	after = dup(place->fd);
	close(after);
	assert_int_equal(before, after);
}

static void a_walk_that_is_given_up_leaves_nothing_open(void **state)
{
	Place *place = *state;
	int before = dup(place->fd), after, fd;
	const char *path;
	SkFileId file;
	Walk *walk;

	close(before);
	put(place, "a", "x");
	put(place, "b", "x");
	walk = walk_new(place->fd, NULL);
	assert_int_equal(walk_next(walk, &fd, &file, &path), 1);
	close(fd);
	walk_free(walk);
	after = dup(place->fd);
	close(after);
	assert_int_equal(before, after);
}

/* Lists the one file there is, or opens it. Return: was it opened? */
static bool is_opened(const Place *place, const WalkKnown *known, SkFileId *ret_file)
{
	Walk *walk = walk_new(place->fd, known);
	const char *path;
	SkFileId none;
	int fd, end;

	assert_int_equal(walk_next(walk, &fd, ret_file, &path), 1);
	assert_string_equal(path, "file");
	assert_int_equal(walk_next(walk, &end, &none, &path), 0);
	walk_free(walk);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* What is known is listed by its identity, which any change makes another one. */
static void known_files_are_not_opened(void **state)
{
	Place *place = *state;
	SkFileId first, files[2] = {{0}};

	put(place, "file", "x");
	assert_false(is_opened(place, &(WalkKnown){.all = true}, &first));
	assert_int_equal(first.size, 1);
	assert_true(first.ino != 0 && first.ctime_nsec != 0);
	files[1] = first;
	assert_false(is_opened(place, &(WalkKnown){.files = files, .n = 2}, &first));
	assert_true(is_opened(place, &(WalkKnown){.files = files, .n = 1}, &first));
	usleep(20000);
	assert_int_equal(fchmodat(place->fd, "file", 0640, 0), 0); /* nothing but its ctime */
	assert_true(is_opened(place, &(WalkKnown){.files = files, .n = 2}, &first));
	assert_int_equal(first.mtime_nsec, files[1].mtime_nsec);
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		IN_PLACE(shallow_folders_come_first),
		IN_PLACE(links_and_devices_are_passed_over),
		IN_PLACE(folders_beyond_the_depth_are_passed_over),
		IN_PLACE(an_empty_medium_has_no_files),
		IN_PLACE(many_files_cost_no_more_descriptors),
		IN_PLACE(a_walk_that_is_given_up_leaves_nothing_open),
		IN_PLACE(known_files_are_not_opened),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
