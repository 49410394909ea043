/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose monitors our console clears, on devices of umockdev (runs under umockdev-wrapper). Its framebuffers
 * are files, which refuse to be one: a refusal shows that one was asked. What a card does is seen in
 * tests/vm/scenarios/25-lock-cards.py. Serves LOCK-1.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <umockdev.h>

#include "agent/lock/lock.h"
#include "agent/lock/screens.h"

#define CONSOLE 2
#define CARD(n_) "/sys/devices/card-" #n_

static UMockdevTestbed *testbed;
static int failures;

#define CHECK(condition_)                                                                                    \
	do {                                                                                                 \
		int ok_ = (condition_);                                                                      \
		printf("%s %s:%d %s\n", ok_ ? "ok  " : "FAIL", __func__, __LINE__, #condition_);             \
		failures += !ok_;                                                                            \
	} while (0)

/* Of main.c. */
void lock_look(Lock *lock)
{
}

uint64_t lock_now(void)
{
	return 1;
}

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

	CHECK(path != NULL);
	g_free(path);
}

static void one_card_is_our_consoles(void)
{
	CHECK(screens_clear(CONSOLE) == 0); /* a PC without a screen */
	add("pci", "card-0", NULL, NULL);
	add("graphics", "fb0", CARD(0), "/dev/fb0");
	add("drm", "card0", CARD(0), "/dev/dri/card0");
	CHECK(screens_clear(CONSOLE) == 0);
	screens_place(CONSOLE); /* a card that has no word for its monitors */
}

static void what_another_card_shows_is_taken_away(void)
{
	add("pci", "card-1", NULL, NULL);
	add("drm", "card1", CARD(1), "/dev/dri/card1");
	CHECK(screens_clear(CONSOLE) == 0); /* its driver has no framebuffer of the kernel's */
	add("graphics", "fb1", CARD(1), "/dev/fb1");
	(void)mkdir(path_of("/dev"), 0755);
	CHECK(g_file_set_contents(path_of("/dev/fb1"), "", 0, NULL));
	CHECK(screens_clear(CONSOLE) == -ENOTTY);
}

static void another_seat_is_left_alone(void)
{
	umockdev_testbed_set_property(testbed, CARD(1) "/fb1", "ID_SEAT", "seat1");
	CHECK(screens_clear(CONSOLE) == 0);
	umockdev_testbed_set_property(testbed, CARD(1) "/fb1", "ID_SEAT", "seat0");
	CHECK(screens_clear(CONSOLE) == -ENOTTY);
}

static void a_card_that_goes_meanwhile_shows_nothing(void)
{
	CHECK(unlink(path_of("/dev/fb1")) == 0);
	CHECK(screens_clear(CONSOLE) == 0);
}

int main(void)
{
	testbed = umockdev_testbed_new();
	one_card_is_our_consoles();
	what_another_card_shows_is_taken_away();
	another_seat_is_left_alone();
	a_card_that_goes_meanwhile_shows_nothing();
	g_object_unref(testbed);
	return failures ? 1 : 0;
}
