/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "agent/monitor/names.h"

static void names_of_usb_devices_are_recognised(void **state)
{
	static const char *const good[] = {"usb1", "usb12", "1-1", "1-10", "12-1.2.3.4.5.6", "2-1.4"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(name_is_usb_device(good[i]));
}

static void anything_else_is_no_usb_device(void **state)
{
	static const char *const bad[] = {"", "usb", "usb0", "usb01", "usb1/", "usb1/1-1", "../1-1",
		"1-1/../2-1", "1-1/", "/1-1", ".", "..", "1-", "-1", "1-1.", "1-.1", "1-1..2", "1-0", "1-01",
		"0-1", "1-1:1.0", "1-0:1.0", "1-1 ", " 1-1", "1-1\n", "1-1000", "1-1.1.1.1.1.1.1.1.1", "a-1",
		"1-a", "99999999999999999999-1", "1--1", "1-1.-1", "+1-1"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (name_is_usb_device(bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
}

static void an_interface_belongs_to_its_device_only(void **state)
{
	assert_true(name_is_usb_interface("1-1:1.0", "1-1"));
	assert_true(name_is_usb_interface("1-1.2:2.15", "1-1.2"));
	assert_true(name_is_usb_interface("1-0:1.0", "usb1"));
	assert_false(name_is_usb_interface("1-1.2:1.0", "1-1"));
	assert_false(name_is_usb_interface("1-11:1.0", "1-1"));
	assert_false(name_is_usb_interface("1-1:1", "1-1"));
	assert_false(name_is_usb_interface("1-1:1.0.1", "1-1"));
	assert_false(name_is_usb_interface("1-1:1.0/..", "1-1"));
	assert_false(name_is_usb_interface("1-1:256.0", "1-1"));
	assert_false(name_is_usb_interface("1-1", "1-1"));
	assert_false(name_is_usb_interface("power", "1-1"));
	assert_false(name_is_usb_interface("2-0:1.0", "usb1"));
}

static void names_of_disks_have_no_path_in_them(void **state)
{
	char longest[SK_SYSNAME_SIZE + 1];

	assert_true(name_is_block("sda"));
	assert_true(name_is_block("mmcblk0p1"));
	assert_true(name_is_block("nvme0n1p2"));
	assert_true(name_is_block("cciss!c0d0"));
	assert_false(name_is_block(""));
	assert_false(name_is_block("."));
	assert_false(name_is_block(".."));
	assert_false(name_is_block("../sda"));
	assert_false(name_is_block("sda/../sdb"));
	assert_false(name_is_block("!etc!shadow"));
	assert_false(name_is_block("sd a"));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_false(name_is_block(longest));
	longest[SK_SYSNAME_SIZE - 1] = 0;
	assert_true(name_is_block(longest));
}

static void names_of_input_devices_are_counted(void **state)
{
	assert_true(name_is_input("input0"));
	assert_true(name_is_input("input123"));
	assert_false(name_is_input("input"));
	assert_false(name_is_input("event3"));
	assert_false(name_is_input("input3/event3"));
	assert_false(name_is_input("input-1"));
}

static int compare(const void *a, const void *b)
{
	return name_usb_compare(*(const char *const *)a, *(const char *const *)b);
}

static void parents_come_before_their_children(void **state)
{
	const char *names[] = {
		"1-10.1", "2-1", "1-2.1.1", "usb2", "1-10", "1-2", "usb10", "1-2.1", "usb1", "1-2.10"};
	static const char *const expected[] = {
		"usb1", "usb2", "usb10", "1-2", "1-10", "2-1", "1-2.1", "1-2.10", "1-10.1", "1-2.1.1"};

	qsort(names, 10, sizeof(names[0]), compare);
	for (size_t i = 0; i < 10; i++)
		assert_string_equal(names[i], expected[i]);
}

static void every_device_knows_its_hub(void **state)
{
	char parent[SK_SYSNAME_SIZE];

	name_usb_parent("1-2.3.4", parent);
	assert_string_equal(parent, "1-2.3");
	name_usb_parent("1-2.3", parent);
	assert_string_equal(parent, "1-2");
	name_usb_parent("12-2", parent);
	assert_string_equal(parent, "usb12");
	name_usb_parent("usb1", parent);
	assert_string_equal(parent, "");
	name_usb_parent("../..", parent);
	assert_string_equal(parent, "");
}

static void every_device_knows_its_port(void **state)
{
	char port[2 * SK_SYSNAME_SIZE];

	assert_true(name_usb_port("12-2", 1, port));
	assert_string_equal(port, "12-0:1.0/usb12-port2");
	assert_true(name_usb_port("1-2.3", 2, port));
	assert_string_equal(port, "1-2:2.0/1-2-port3");
	assert_true(name_usb_port("1-2.3.10", 1, port));
	assert_string_equal(port, "1-2.3:1.0/1-2.3-port10");
	assert_false(name_usb_port("usb1", 1, port));
	assert_false(name_usb_port("../..", 1, port));
}

static void the_innermost_usb_device_of_a_path_is_found(void **state)
{
	char usb[SK_SYSNAME_SIZE];

	assert_true(path_find_usb(
		"/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2.1/1-2.1:1.0/host6/block/sda", usb));
	assert_string_equal(usb, "1-2.1");
	assert_false(path_find_usb("/sys/devices/pci0000:00/0000:00:17.0/ata1/host0/block/sda", usb));
	assert_true(path_has_component("/sys/devices/usb1/1-2/x", "1-2"));
	assert_false(path_has_component("/sys/devices/usb1/1-22/x", "1-2"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_usb_devices_are_recognised),
		cmocka_unit_test(anything_else_is_no_usb_device),
		cmocka_unit_test(an_interface_belongs_to_its_device_only),
		cmocka_unit_test(names_of_disks_have_no_path_in_them),
		cmocka_unit_test(names_of_input_devices_are_counted),
		cmocka_unit_test(parents_come_before_their_children),
		cmocka_unit_test(every_device_knows_its_hub),
		cmocka_unit_test(every_device_knows_its_port),
		cmocka_unit_test(the_innermost_usb_device_of_a_path_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
