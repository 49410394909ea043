/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The key with which this terminal signs slips (lib/slip/slip.h), in STATE/console/sign.json, and what the
 * console signed about it. Core makes it; the uplink carries the public half.
 */
#include "lib/dsse/dsse.h"

typedef struct Core Core;
typedef struct SlipKey SlipKey;

/* After console_open(). Return: 0 or negative errno. */
int slip_key_open(Core *core);
void slip_key_close(Core *core);

/* The console is reached: tells it the key where it has said nothing about it. */
void slip_key_offer(Core *core);
/* This PC belongs to no console, or is another terminal of it: the key goes. */
void slip_key_forget(Core *core);

/* NULL: there is none, because the console was never reached. */
const SkDsseSigner *slip_key_signer(const Core *core);
/* The console's statement, an envelope; NULL: it has made none yet. */
const char *slip_key_statement(const Core *core);
