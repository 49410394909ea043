/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Calls about registered media: they take minutes, tell how far they are, and carry a descriptor.
 */
typedef struct CtlOutcome {
	char code[16];	  /* "SK-1231" */
	char detail[512]; /* a path, a number, why not */
} CtlOutcome;

/* Calls a method that answers a code and a text; shows on standard error how far it is. types and what
 * follows as for sd_bus_message_append(). Return: CTL_OK, or the exit status (told on standard error). */
int ctl_carry_call(CtlOutcome *ret_outcome, const char *method, const char *types, ...);

/* What the agent sees on a disk and its partitions. */
void ctl_carry_print_disk(const char *disk);
