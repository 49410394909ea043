/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * When somebody last touched a keyboard, a pointer or a screen of this PC: without any help of the desktop,
 * and without waking up for it. The kernel keeps the last events of each device for everybody who has it
 * open; they are looked at when somebody wants to know, and of them nothing but the time.
 */
#include <stdint.h>

typedef struct Activity Activity;

/* Return: 0 or negative errno. */
int activity_open(Activity **ret_activity);
Activity *activity_close(Activity *activity);

/* Becomes readable when a device was added; then activity_newest() is to be called, or its first events are
 * missed. */
int activity_fd(const Activity *activity);

/* Microseconds of CLOCK_BOOTTIME; 0: never since it is watched. */
uint64_t activity_newest(Activity *activity);
