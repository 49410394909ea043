/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A round: every check at the same time, each in a child of its own. One that crashes, hangs or talks
 * nonsense costs its own result and no other.
 */
#include "agent/posture/posture.h"

#define ROUND_MSEC 10000

typedef void (*RoundTell)(void *userdata, const PostureResult *result);

/* Tells each result once, in whatever order. root: as posture->root_fd was opened. Return: how many. */
uint32_t round_run(const Posture *posture, const PostureCheck *const *checks, const char *root,
	RoundTell tell, void *userdata);

/* What this process and its children took of the processor so far. */
uint32_t round_cpu_msec(void);
