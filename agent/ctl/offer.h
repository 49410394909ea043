/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Gives files to sekisho-pack, opened: what a person may read can be handed over, and the agent opens nothing
 * of his. Folders are gone through; links are not followed.
 */
#include <stdbool.h>

/* Can these be named in an archive: do they exist, and end in a name of their own? Told on standard error. */
bool ctl_offer_check(char *const *paths);

/* Sends all of them over the socket, which it takes. Return: exit status of a process that did it; told on
 * standard error, but for a receiver that wants no more. */
int ctl_offer_send(int fd, char *const *paths);
