/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The list of umount(8): /run/mount/utab, through libmount. An entry for each mount of ours says that a user
 * who unmounts it, or a desktop that does it for one, calls umount.sekisho, which ejects; and that desktops
 * show it.
 *
 * Nothing depends on it: what is not in the list is ejected with sekishoctl. So both wait a second at most
 * (any user can hold the lock of that list), in a child of its own, whose death is noticed by nobody else.
 */

/* Of a mount that is attached there. source: what the kernel's list of mounts says, "/dev/dm-0". */
void media_utab_add(const char *source, const char *path);

/* After it was unmounted, or was not mounted. No entry is no error. */
void media_utab_remove(const char *path);
