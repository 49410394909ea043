/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Whose opens need no verdict: those of the scanner, which opens files in order to judge them. It shows a
 * pidfd of itself; what that says is checked with the kernel.
 */
#include <stdbool.h>
#include <sys/types.h>

typedef struct Core Core;
typedef struct SkGate SkGate;

/* Believes a pidfd only when its process runs as user sekisho-scan. The descriptor stays the caller's. */
void trust_scanner(Core *core, int pidfd);
void trust_nobody(Core *core);

/* Tells a gate that was made later. */
void trust_apply(Core *core, SkGate *gate);

/* Is it the user that the scanner runs as? */
bool trust_is_scanner(uid_t uid);

/* The user who runs a process, for records; false when it is gone. */
bool trust_find_uid(pid_t pid, uid_t *ret_uid);
