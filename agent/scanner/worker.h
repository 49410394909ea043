/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A worker: a fork of the parent that shares its loaded engine, in its own jail, with one socket to the
 * parent. It judges one file at a time until the parent closes the socket.
 */
#include "agent/scanner/engine.h"

typedef struct WorkerSetup {
	Engine *engine;	       /* NULL: no definitions, only hash and type can be told */
	const char *no_engine; /* why */
	const char *temporary; /* its own folder */
	uint64_t max_file_size, max_scan_size;
} WorkerSetup;

/* Never returns. fd: the socket, the only descriptor besides standard ones that is still open. */
_Noreturn void worker_run(int fd, const WorkerSetup *setup);
