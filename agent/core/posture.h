/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The posture of this PC as last checked (sekisho-posture): kept over restarts in STATE/posture.json, so that
 * only what changed is recorded. A round follows on the last one by [Posture] IntervalSec.
 */
#include <jansson.h>
#include <systemd/sd-bus.h>

#include "agent/core/peer_posture.h"
#include "lib/ipc/proto_posture.h"

typedef struct Core Core;

/* Reads what is kept and has the first round begin soon. Return: 0 or negative errno. */
int posture_open(Core *core);
void posture_close(Core *core);

/* A result of the round that runs; a change of state is recorded. */
void posture_take(Core *core, const SkPostureResult *result);

/* done: NULL when the process went away. Once a round. */
void posture_round_over(Core *core, const SkPostureDone *done);

/* All results, in the order in which they first came; for D-Bus. */
json_t *posture_to_json(const Core *core);

/* The same for the console: {"checked", "failing", "checks"}; NULL before the first round. */
json_t *posture_for_console(const Core *core);

/* Begins a round, or joins the one that runs; the call is answered at its end with posture_to_json().
 * Return: 0 or negative errno. */
int posture_check_now(Core *core, sd_bus_message *message);
