/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Why a plugged device was decided as it was: rule by rule, with what is plugged in and who sits there now.
 */

typedef struct Core Core;

/* Return: 0 and text the caller frees; -ENOENT; -ENOMEM. */
int explain(Core *core, const char *sysname, char **ret_text);
