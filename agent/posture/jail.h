/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The jails of posture: the process has no privilege left, and each check has one of its own in it. */
#include "agent/posture/posture.h"

/* Return: 0 or negative errno. */
int posture_jail_enter(void);

/* root: as posture->root_fd was opened. */
int posture_jail_check(const Posture *posture, const PostureCheck *check, const char *root);
