/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Being stopped. A restart leaves media and their gates to the next core. A stop for good closes the media
 * first: systemd then drops the gates it keeps, and a mount without its gate would let everything through.
 */
typedef struct Core Core;

int stop_watch_signals(Core *core);
