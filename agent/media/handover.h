/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * For workers: a medium for a receiver, from a whole disk: wiped, exFAT (which every Windows reads), an
 * archive that is encrypted already, and its slip. Nobody sees the file system while it is written, and
 * nothing that was on the medium is read.
 */
#include "agent/media/mount.h"
#include "agent/media/work.h"

/* Return: 0: all of it was read back; -ENOSPC the medium is too small; -EILSEQ it gives back something else
 * than was written; other negative errno; with detail. */
int media_hand_over(const MediaWork *work, MediaDetail *detail);
