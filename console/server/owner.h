/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Whoever calls a command, the files of the console stay its own user's: an administrator's `init` or
 * `backup` as root would otherwise leave a database behind that the service cannot open.
 */

/*
 * As root, becomes the owner of the directory that a path is in, with the owner's groups and for good.
 * Without that directory, or when root owns it, nothing changes. Return: 0, or negative errno, after which
 * the program ends: it may be in between two users.
 */
int sk_owner_become(const char *path);
