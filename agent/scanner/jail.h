/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The three jails of the scanner. The parent's holds for its children too; each adds its own on top.
 */
#include <sys/types.h>

#include "agent/scanner/worker.h"

/* uid (uid_t)-1: stay who we are (systemd chose). Return: 0 or negative errno. */
int jail_parent(uid_t uid, gid_t gid);
int jail_walker(void);
int jail_worker(const WorkerSetup *setup);
