/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The console's order to lock every screen now (a command of console_documents.c): carried out by
 * sekisho-lock, and answered with how the screen is then, in the status, until the console has the answer.
 */
#include <jansson.h>

#include "lib/ipc/proto_lock.h"

typedef struct Core Core;

/* payload: verified. Return: 0; -EBADMSG it is none. */
int screen_order_take(Core *core, const json_t *payload);

/* How the sessions are now. */
void screen_order_heard(Core *core, const SkLockState *state);

/* {id, outcome, tookMs}; NULL: there is nothing to answer. */
json_t *screen_order_for_console(void);
/* The console has it. */
void screen_order_taken(void);

void screen_order_close(void);
