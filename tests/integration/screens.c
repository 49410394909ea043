/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose monitors our console clears, on devices of umockdev (runs under umockdev-wrapper). Its framebuffers
 * are files, which refuse to be one: a refusal shows that one was asked. What a card does is seen in
 * tests/vm/scenarios/25-lock-cards.py. Serves LOCK-1.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <umockdev.h>

#include "agent/lock/screens.h"

#define CONSOLE 2
#define CARD(n_) "/sys/devices/card-" #n_

static UMockdevTestbed *testbed;

static const char *path_of(const char *node)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s%s", umockdev_testbed_get_root_dir(testbed), node);
	return path;
}

static void add(const char *subsystem, const char *name, const char *parent, const char *node)
{
	char *path = umockdev_testbed_add_device(
		testbed, subsystem, name, parent, NULL, node ? "DEVNAME" : NULL, node, NULL);

	assert_non_null(path);
	g_free(path);
}

static void one_card_is_our_consoles(void **state)
{
	assert_int_equal(screens_clear(CONSOLE), 0); /* a PC without a screen */
	add("pci", "card-0", NULL, NULL);
	add("graphics", "fb0", CARD(0), "/dev/fb0");
	add("drm", "card0", CARD(0), "/dev/dri/card0");
	assert_int_equal(screens_clear(CONSOLE), 0);
	screens_place(CONSOLE); /* a card that has no word for its monitors */
}

static void what_another_card_shows_is_taken_away(void **state)
{
	add("pci", "card-1", NULL, NULL);
	add("drm", "card1", CARD(1), "/dev/dri/card1");
	assert_int_equal(screens_clear(CONSOLE), 0); /* its driver has no framebuffer of the kernel's */
	add("graphics", "fb1", CARD(1), "/dev/fb1");
	(void)mkdir(path_of("/dev"), 0755);
	assert_true(g_file_set_contents(path_of("/dev/fb1"), "", 0, NULL));
	assert_int_equal(screens_clear(CONSOLE), -ENOTTY);
}

static void another_seat_is_left_alone(void **state)
{
	umockdev_testbed_set_property(testbed, CARD(1) "/fb1", "ID_SEAT", "seat1");
	assert_int_equal(screens_clear(CONSOLE), 0);
	umockdev_testbed_set_property(testbed, CARD(1) "/fb1", "ID_SEAT", "seat0");
	assert_int_equal(screens_clear(CONSOLE), -ENOTTY);
}

static void a_card_that_goes_meanwhile_shows_nothing(void **state)
{
	assert_int_equal(unlink(path_of("/dev/fb1")), 0);
	assert_int_equal(screens_clear(CONSOLE), 0);
}

int main(void)
{
	/* One after the other: each adds to what is there. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_card_is_our_consoles),
		cmocka_unit_test(what_another_card_shows_is_taken_away),
		cmocka_unit_test(another_seat_is_left_alone),
		cmocka_unit_test(a_card_that_goes_meanwhile_shows_nothing),
	};

	testbed = umockdev_testbed_new();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	g_object_unref(testbed);
	return failed;
}
