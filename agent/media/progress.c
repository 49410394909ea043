/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/progress.h"

void media_progress_tell(const MediaWork *work, uint32_t step, uint32_t percent)
{
	SkMediaProgress message = {.volume = work->format ? work->format->volume : work->erase->volume,
		.step = step,
		.percent = percent};

	sk_head_init(&message.head, SK_MEDIA_PROGRESS, sizeof(message));
	(void)sk_chan_send(work->parent, &message, NULL, 0);
}
