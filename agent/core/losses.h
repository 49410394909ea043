/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Media that somebody at this PC reported lost (LOSS-1), STATE/console/losses.json. From that moment they are
 * refused here, whether or not the console can be reached; it hears of it now, or first of all when it can.
 * What it then says to every terminal (its revocations) takes the place of what stands here.
 */
#include <stdbool.h>

#include "lib/reason/reason.h"

typedef struct Core Core;
typedef struct Losses Losses;

/* After console_open(). Return: 0 or negative errno. */
int losses_open(Core *core);
void losses_close(Core *core);
/* This PC belongs to no console any more. */
void losses_forget(Core *core);
/* Other documents are in force. */
void losses_look(Core *core);

/* Refused everywhere by the console, or here because of a report. */
bool losses_frozen(const Core *core, const char *medium);

/* code: SK_LOSS_REPORTED, SK_LOSS_ON_ITS_WAY, or why not. Called once, perhaps before losses_report()
 * returns. */
typedef void (*LossDone)(void *userdata, SkReason code, const char *detail);

typedef struct LossOrder {
	const char *medium; /* its id or number in the ledger */
	const char *text;   /* what the person says of it */
	const char *user, *actor;
	LossDone done;
	void *userdata;
} LossOrder;

void losses_report(Core *core, const LossOrder *order);
