/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the commands below `sekishoctl audit` share. They work offline on a directory, as whoever may read it.
 */
#include "config.h"

#define CTL_AUDIT_DIRECTORY SK_STATEDIR "/audit"

/* Where the first key of a PC without a console is kept, readable by root only. */
#define CTL_AUDIT_START_KEY SK_CONFDIR "/audit-start-key"

/* Explains why a log cannot be read; to standard error. Return: CTL_ERROR. */
int ctl_audit_fail(const char *directory, int error);

int ctl_audit_show(int argc, char **argv);
int ctl_audit_export(int argc, char **argv);
