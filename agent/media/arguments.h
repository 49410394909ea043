/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The command line of sekisho-media, as sekisho-media(8) describes it.
 */
#include <stdbool.h>
#include <stdint.h>

/* Pointers into argv or to constants. */
typedef struct Arguments {
	const char *listen, *client, *base, *ntfs_user, *luks_user;
	uint64_t idle_seconds, kept_seconds;
	bool close; /* only unmount what is there */
} Arguments;

/* Return: 0 or -EINVAL. */
int arguments_parse(int argc, char **argv, Arguments *ret_arguments);

extern const char arguments_usage[];
