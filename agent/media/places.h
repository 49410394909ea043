/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * All places beneath the base where media of ours are, or were, seen. The kernel's list of mounts and a mark
 * on the mount point say which are ours; nobody else's is touched.
 */

typedef void (*MediaPlaceFound)(void *userdata, const char *path);

/* Calls back with the path of each mount of ours, as media_target_attach() gave it. */
void media_places_list(int base_fd, const char *base, MediaPlaceFound found, void *userdata);

/* Detaches every one of them, whoever uses it. Return: how many could not be. */
int media_places_close(int base_fd, const char *base);

/* Removes mount points that a crash left behind, and what umount(8) was told of them. */
void media_places_sweep(int base_fd, const char *base);
