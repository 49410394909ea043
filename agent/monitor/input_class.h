/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What an input device can do, from its capability bitmaps in sysfs: hexadecimal words of the size of long,
 * the most significant first. Bit numbers: linux/input-event-codes.h. Pure functions.
 */
#include <stdbool.h>

typedef struct InputBitmaps {
	const char *ev, *key, *rel, *abs; /* texts of capabilities/NAME; empty when missing */
} InputBitmaps;

/* Is bit `number` set in such a text? False for malformed text. */
bool input_bit_is_set(const char *bitmap, unsigned number);

/* All letters and Enter: a volume knob or a power button is no keyboard. */
bool input_is_keyboard(const InputBitmaps *bitmaps);

/* Two axes and a button to press: mouse, touchpad, touch screen, tablet; no joystick. */
bool input_is_pointer(const InputBitmaps *bitmaps);
