/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the screen lock did, summed up for each day of the PC, in STATE/screen.json: five weeks, the newest
 * first. The console is told of each day until it has it, so a PC that was away tells all of them when it is
 * back.
 */
#include <jansson.h>

#include "lib/ipc/proto_lock.h"

typedef struct Core Core;

/* Reads what is kept. Return: 0 or -ENOMEM. */
int screen_days_open(Core *core);
void screen_days_close(Core *core);

void screen_days_add(Core *core, const SkLockEvent *event);

/* Those that the console does not have as they are now, as the contract has them. */
json_t *screen_days_for_console(Core *core);

/* It has what screen_days_for_console() said last. */
void screen_days_taken(Core *core);
