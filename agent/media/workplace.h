/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A mount namespace of a worker's own, with a directory in which mounts get names: overlayfs takes its layers
 * by path, and before Linux 6.15 only what is attached somewhere can be cloned.
 */
#include "agent/media/mount.h"

/* Names below the working directory. */
#define WORKPLACE_EMPTY "empty"
#define WORKPLACE_MEDIUM "medium"
#define WORKPLACE_FIRST "first"
#define WORKPLACE_FINAL "final"

/* For workers: the calling process leaves the mount namespace of the host for good, and works in a directory
 * that is reachable from nowhere else. Return: 0 or negative errno. */
int media_workplace_enter(MediaDetail *detail);
