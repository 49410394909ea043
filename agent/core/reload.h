/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Settings and rules are read again: on SIGHUP and by D-Bus. What is wrong changes nothing. */

typedef struct Core Core;

int reload_watch_signal(Core *core);

/* *ret_errors: text for people, or NULL; the caller frees it. Return: 0, -EINVAL, other errno. */
/* At the start, once what the console said before is known; what is wrong with it is recorded. */
void reload_console_settings(Core *core);

int reload(Core *core, char **ret_errors);
