/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Methods about registered media, for methods.c; each answers the code of what became of it, and a text. */
#include <systemd/sd-bus.h>

typedef struct Core Core;

int method_open_medium(Core *core, sd_bus_message *message, const char *actor);
int method_inspect_medium(Core *core, sd_bus_message *message, const char *actor);
int method_prepare_medium(Core *core, sd_bus_message *message, const char *actor);
int method_hand_over(Core *core, sd_bus_message *message, const char *actor);
int method_rekey_medium(Core *core, sd_bus_message *message, const char *actor);
int method_retire_medium(Core *core, sd_bus_message *message, const char *actor);
int method_report_lost(Core *core, sd_bus_message *message, const char *actor);
