/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One message of the kernel about a device, taken apart. Pure; the message was written by the kernel.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As much as the kernel puts into one: UEVENT_BUFFER_SIZE, and the head before it. */
#define UEVENT_SIZE_MAX 8192

/* Texts lie in the message; "" when it does not tell. */
typedef struct Uevent {
	const char *action;
	const char *devpath; /* beneath /sys */
	const char *sysname; /* its last component */
	const char *subsystem, *devtype;
	uint16_t busnum, devnum; /* of a USB device; 0: not told */
	bool new_medium;	 /* another medium in a drive, or another size of it */
} Uevent;

/* The message must be terminated (message[size] == 0). Return: 0 or -EBADMSG. */
int uevent_parse(const char *message, size_t size, Uevent *ret_event);
