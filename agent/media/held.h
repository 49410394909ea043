/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Gates that core has not said it keeps (lib/ipc/proto_media.h): while we hold them too, no death of core
 * opens one.
 */
#include "agent/media/media.h"

/* Holds a duplicate of the group for media->kept_usec. Return: 0 or negative errno: it is not held, so
 * the mount must go. */
int media_held_add(Media *media, uint64_t volume, const char *path, int group_fd);

/* Core keeps it. Return: 0 or -ENOENT: too late. */
int media_held_release(Media *media, uint64_t volume);

/* It was unmounted: the gate is held shut until its file system is gone. */
void media_held_shut(Media *media, const char *path);
