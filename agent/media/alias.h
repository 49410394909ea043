/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A second name of a mount point, for file managers: gvfs (1.50, and before and after it) gives umount(8) the
 * path as g_strescape() writes it, "\346\227\245" for 日, which is no path. A symbolic link of that name,
 * beside the mount point, makes it one. Where the name needs none, or is too long for it, there is none, and
 * the button does not work.
 */

/* name: of a mount point in the directory of a user. */
void media_alias_add(int user_fd, const char *name);

/* Before the mount point goes. */
void media_alias_remove(int user_fd, const char *name);
