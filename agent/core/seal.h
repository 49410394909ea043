/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The key that is this terminal's own (console/rules/seal_key.h), in STATE/console/seal.json, and the secret
 * that offline codes are judged with, which comes from the console sealed to it and signed. The uplink
 * carries the public half and the box, and can make neither of them.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/crypt/box.h"
#include "lib/crypt/offline_code.h"

typedef struct Core Core;
typedef struct Seal Seal;

/* After console_open(). Return: 0 or negative errno. */
int seal_open(Core *core);
void seal_close(Core *core);

/* The console is reached: tells it the key where it does not know it. */
void seal_offer(Core *core);
/* This PC belongs to no console, or is another terminal of it: key and secret go. */
void seal_forget(Core *core);

/* NULL: there is none. */
const uint8_t *seal_public(const Core *core);
const uint8_t *seal_offline_secret(const Core *core);
