/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* chronyd answers everybody on this PC about its state, in the protocol of chronyc (candm.h, version 6). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Asks. Return: a socket on which the answer comes, or negative errno. Whether somebody is there, it does not
 * know. */
int chrony_ask(void);

typedef struct ChronyTracking {
	bool synchronised;
	double offset_sec; /* the larger of what is being corrected, and of the last measurement */
} ChronyTracking;

/* Return: false when it is no answer to that question. */
bool chrony_parse(const uint8_t *bytes, size_t size, ChronyTracking *ret_tracking);

/* Waits a little. Return: 0; -ECONNREFUSED nobody is there; negative errno. */
int chrony_read(int fd, ChronyTracking *ret_tracking);
