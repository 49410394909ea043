/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What systemd-timesyncd measured last, asked over D-Bus; it is not started for that. */
#include <stdint.h>

/* Return: 0; -ENOENT it does not run, or has measured nothing; negative errno. */
int timesync_read(int64_t *ret_offset_usec);
