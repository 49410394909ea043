/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is said of a USB device: in records, to people, over D-Bus; and what is remembered of it.
 */
#include <jansson.h>

#include "agent/core/devices.h"

/* actor: as in Record. */
void record_device(Core *core, const Device *device, const char *kind, SkReason code, const char *actor);

/* With all that the rules could ask about: the console decides it again, under rules that it tries. */
void record_device_decision(Core *core, const Device *device);

/* Into the history; not a device without facts, nor a root hub. */
void device_note(Core *core, const Device *device);

/* One object a device, for status and records. */
json_t *device_to_json(const Core *core, const Device *device);
json_t *devices_to_json(const Core *core);
