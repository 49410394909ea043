/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The state of the agent as one JSON object: what `sekishoctl status` shows. */
#include <jansson.h>

typedef struct Core Core;

json_t *status_to_json(Core *core);

/* The same, as the console wants to know it: nothing about who sits at the PC. */
json_t *status_for_console(Core *core);
