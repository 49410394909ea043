/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The files that the reader of a gate keeps; only for reader.c, whose header says why this is safe. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct GateKept {
	int group_fd, signal_fd;
	bool *leased; /* by descriptor */
	size_t n_descriptors, n_leased, n_marked;
	size_t looked_at; /* where gate_kept_look_after() goes on */
	int64_t looked_msec;
} GateKept;

/* What an earlier process kept in this group is forgotten: its leases ended with it. Return: 0 or negative
 * errno. */
int gate_kept_init(GateKept *kept, int group_fd);
/* Forgets all. */
void gate_kept_deinit(GateKept *kept);

/* Both take the descriptor. */
void gate_kept_mark(GateKept *kept, int fd);
void gate_kept_lease(GateKept *kept, int event_fd);
void gate_kept_forget(GateKept *kept);

/* Leases break. */
void gate_kept_on_signal(GateKept *kept);

/* A file that was deleted takes room until it is closed: to be called at least after gate_kept_patience()
 * milliseconds (for poll()). */
int gate_kept_patience(const GateKept *kept);
void gate_kept_look_after(GateKept *kept);
