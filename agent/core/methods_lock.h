/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Methods of D-Bus about the screen lock; as in methods.c. */
#include <systemd/sd-bus.h>

typedef struct Core Core;

int method_get_lock(Core *core, sd_bus_message *message, const char *actor);
int method_lock_now(Core *core, sd_bus_message *message, const char *actor);
int method_begin_pass(Core *core, sd_bus_message *message, const char *actor);
int method_end_pass(Core *core, sd_bus_message *message, const char *actor);
