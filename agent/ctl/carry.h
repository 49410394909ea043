/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Calls about registered media: they take minutes, tell how far they are, and carry a descriptor.
 */
#include <stdbool.h>

typedef struct CtlOutcome {
	char code[16];	   /* "SK-1231" */
	char detail[4096]; /* a path, a number, a certificate, why not */
} CtlOutcome;

/* Calls a method that answers a code and a text; shows on standard error how far it is. types and what
 * follows as for sd_bus_message_append(). Return: CTL_OK, or the exit status (told on standard error). */
int ctl_carry_call(CtlOutcome *ret_outcome, const char *method, const char *types, ...);

/* Prints what became of it. Return: CTL_OK for the code `good`, else CTL_NO. */
int ctl_carry_show(const CtlOutcome *outcome, bool json, const char *good);

/* Asks for a name to be repeated, where somebody sits there to be asked. question: with a %s for it. Return:
 * false: it was not. */
bool ctl_carry_repeat(const char *question, const char *name);

/* What the agent sees on a disk and its partitions. */
void ctl_carry_print_disk(const char *disk);

/* There may be data on the disk: shows what, and asks for its name. Return: as above. */
#define CTL_HAS_DATA "SK-1238"
bool ctl_carry_confirm(const char *disk);
