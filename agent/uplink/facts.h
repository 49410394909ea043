/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What this machine is, for the console's list of terminals: shown to people, believed by nothing. */
#include <jansson.h>

/* Before the jail. Return: a new object, or NULL. */
json_t *facts_new(void);
