/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Methods about codes, for methods.c; each answers the code of what became of it. */
#include <systemd/sd-bus.h>

typedef struct Core Core;

int method_enter_code(Core *core, sd_bus_message *message, const char *actor);
int method_break_glass(Core *core, sd_bus_message *message, const char *actor);
int method_end_break_glass(Core *core, sd_bus_message *message, const char *actor);
