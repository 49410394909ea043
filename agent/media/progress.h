/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* For workers: how far a format or an erasure is, for who waits for it. */
#include "agent/media/work.h"

/* step: SK_MEDIA_STEP_*. Who does not hear it misses nothing. */
void media_progress_tell(const MediaWork *work, uint32_t step, uint32_t percent);
