/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * For workers: from an encrypted medium to the mount of what is in it, through a mapping that ends with the
 * mount; and back.
 */
#include "agent/media/mount.h"
#include "agent/media/work.h"

/* Return: a detached mount; -EKEYREJECTED for the reason in detail->code; other negative errno. */
int media_unlock(const MediaWork *work, MediaDetail *detail);

/*
 * Ends the use of what media_unlock() opened. With lazy it is cut off: whoever has files open reads and
 * writes nothing more. Otherwise everything is on the medium when it returns. Return: 0; -EBUSY it is in use;
 * -EIO it is unmounted, and what was written last may be missing; other negative errno.
 */
int media_lock(const MediaWork *work);
