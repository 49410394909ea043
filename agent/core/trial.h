/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Which mode is in force. A fresh installation learns. `sekishoctl trial start` enforces until its end; when
 * nobody confirms it by then, the PC learns again, by itself and after any crash. A confirmed trial enforces
 * for good.
 *
 * The state is one file, STATE/trial, replaced as a whole: "learn 0", "trial UNTIL" (seconds since 1970) or
 * "enforce 0". Mode = warn or enforce in the settings decides without a trial.
 *
 * Whoever enforces for good, by a confirmed trial or by Mode = enforce, also does so from the start of the
 * next boot: STATE/enforce-at-boot exists for as long.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "lib/conf/settings.h"

typedef struct Core Core;

typedef enum TrialState {
	TRIAL_NONE,
	TRIAL_RUNNING,
	TRIAL_CONFIRMED,
} TrialState;

typedef struct Trial {
	TrialState state;
	uint64_t until; /* seconds since 1970; only while running */
	sd_event_source *timer;
} Trial;

/* Reads the state; a trial whose time has passed is rolled back. Return: 0 or negative errno. */
int trial_open(Core *core);
void trial_close(Core *core);

/* The settings are others: the next boot is to begin accordingly. Return: 0 or negative errno. */
int trial_settings_changed(Core *core);

/* Was it so before this start? Asked when the settings cannot be read. */
bool trial_enforced_at_boot(const Core *core);

/* The mode in force. */
SkMode trial_mode(const Core *core);

/* It is another one now: what that means for what is plugged in. */
void trial_mode_changed(Core *core);

/* Return: 0, -EALREADY, or negative errno of the disk (nothing changed then). */
int trial_start(Core *core, uint64_t seconds, const char *actor);
int trial_confirm(Core *core, const char *actor); /* -ENOENT: none is running */
int trial_cancel(Core *core, const char *actor);  /* back to learning, also from confirmed */
