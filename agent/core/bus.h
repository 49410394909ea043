/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * D-Bus: org.sekisho.Agent1 on the system bus (data/dbus/org.sekisho.Agent1.xml describes it). What needs a
 * right is asked of polkit, asynchronously; the caller is who the bus says.
 */
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "lib/reason/reason.h"

typedef struct Core Core;

/* Takes the name. Without a bus the agent works all the same: enforcement does not need it. Return: 0 or
 * errno. */
int bus_open(Core *core);
void bus_close(Core *core);

/* The connection, or NULL. */
sd_bus *bus_connection(const Core *core);

/* Signal Recorded(seq, kind, code): that something was recorded; what it was is asked with GetRecords. */
void bus_emit_recorded(Core *core, uint64_t seq, const char *kind, SkReason code);

/* A medium that is being prepared or erased has come this far in this step. */
void bus_emit_progress(Core *core, const char *volume, const char *step, uint32_t percent);
