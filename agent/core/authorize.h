/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Asks polkit whether the caller of a method may do it, without blocking the loop. Who is asked about is the
 * sender as the bus knows it (system-bus-name), never what the caller says of itself.
 */
#include <systemd/sd-bus.h>

typedef struct Core Core;

/* Runs when polkit said yes; it answers the message itself. actor: "user:UID" of the caller. */
typedef int (*AuthorizedCall)(Core *core, sd_bus_message *message, const char *actor);

/* Calls `call` now or later, or answers the message with AccessDenied. Return: what a vtable method returns.
 */
int authorize(Core *core, sd_bus_message *message, const char *action, AuthorizedCall call);
