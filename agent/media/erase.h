/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * For workers: empties a medium for good (SkMediaErase). Its keys die first, by one sector that also says
 * which medium it was; so wherever it is cut, nothing opens it any more, it is recognised, and it can be
 * begun anew.
 */
#include "agent/media/mount.h"
#include "agent/media/work.h"

/* Return: 0, and erased says how far it went (with a code when it is not all); negative errno: nothing was
 * tried. */
int media_erase(const MediaWork *work, SkMediaErased *erased);
