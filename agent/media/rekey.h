/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * For workers: a medium gets other keys (SkMediaRekey). sekisho-luks changes a copy of its header, what
 * differs is written back.
 */
#include "agent/media/work.h"
#include "agent/media/mount.h"

/* Return: 0, and rekeyed has its code; negative errno, and what is on the medium opens with the old or with
 * the new keys. */
int media_rekey(const MediaWork *work, SkMediaRekeyed *rekeyed, MediaDetail *detail);
