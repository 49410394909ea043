/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * For workers: makes a carry-out medium of a whole disk. It is one from the moment on when the first page of
 * its header is written, which is the last thing that is; cut at any other moment it is nothing, and can be
 * prepared again.
 */
#include "agent/media/mount.h"
#include "agent/media/work.h"

/* Return: 0 and what became of it (with a code when it was refused); negative errno and detail. */
int media_format(const MediaWork *work, SkMediaFormatted *formatted, MediaDetail *detail);
