/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <linux/input-event-codes.h>

#include "agent/monitor/input_class.h"

/* Bitmaps as real devices show them, on a 64-bit kernel. */
static const InputBitmaps keyboard = {.ev = "120013",
	.key = "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe",
	.rel = "0",
	.abs = "0"};
static const InputBitmaps mouse = {.ev = "17", .key = "1f0000 0 0 0 0", .rel = "1943", .abs = "0"};
static const InputBitmaps touchpad = {
	.ev = "b", .key = "e520 10000 0 0 0 0", .rel = "0", .abs = "2e0800000000003"};
static const InputBitmaps power_button = {.ev = "3", .key = "10000000000000 0", .rel = "0", .abs = "0"};
static const InputBitmaps gamepad = {
	.ev = "20000b", .key = "7cdb000000000000 0 0 0 0", .rel = "0", .abs = "3003f"};
static const InputBitmaps volume_knob = {.ev = "7", .key = "e000000000000 0", .rel = "80", .abs = "0"};
static const InputBitmaps tablet = {.ev = "1f", .key = "1f0000 0 0 0 0", .rel = "900", .abs = "3"};

static void keyboards_have_letters(void **state)
{
	assert_true(input_is_keyboard(&keyboard));
	assert_false(input_is_keyboard(&mouse));
	assert_false(input_is_keyboard(&power_button));
	assert_false(input_is_keyboard(&gamepad));
	assert_false(input_is_keyboard(&volume_knob));
}

static void pointers_move_and_press(void **state)
{
	assert_true(input_is_pointer(&mouse));
	assert_true(input_is_pointer(&touchpad));
	assert_true(input_is_pointer(&tablet));
	assert_false(input_is_pointer(&keyboard));
	assert_false(input_is_pointer(&gamepad));
	assert_false(input_is_pointer(&volume_knob));
}

static void bits_are_counted_from_the_last_word(void **state)
{
	assert_true(input_bit_is_set("1 0", 64));
	assert_false(input_bit_is_set("1 0", 0));
	assert_false(input_bit_is_set("1 0", 128));
	assert_true(input_bit_is_set("8000000000000000\n", 63));
	assert_true(input_bit_is_set("1", 0));
}

static void a_broken_bitmap_has_no_bits(void **state)
{
	static const char *const broken[] = {"", " ", "\n", "x", "11111111111111111", "-1", "0x1"};

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_false(input_bit_is_set(broken[i], 0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keyboards_have_letters),
		cmocka_unit_test(pointers_move_and_press),
		cmocka_unit_test(bits_are_counted_from_the_last_word),
		cmocka_unit_test(a_broken_bitmap_has_no_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
