/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The sekisho-probe processes: one always waits, started and jailed, so that handing it a device costs one
 * message. One job each; one that takes longer than is sensible is killed, and core sees the end of
 * its socket instead of facts.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "lib/ipc/proto_probe.h"

/* Busy at the same time before USB devices wait their turn (more would only slow each other down), and how
 * many more there may be for disks that core asked about. */
#define PROBES_MAX 4
#define PROBES_RESERVE 4
#define PROBES_USB_USEC (5ull * 1000 * 1000)
#define PROBES_BLOCK_USEC (30ull * 1000 * 1000)

typedef struct Probes Probes;

typedef struct ProbesSettings {
	const char *path; /* borrowed for ever */
	uid_t uid;
	gid_t gid;
	void (*on_free)(void *userdata); /* a probe ended: there is room again */
	void *userdata;
} ProbesSettings;

int probes_new(sd_event *event, const ProbesSettings *settings, Probes **ret_probes);

/* Is there room for one more USB device? */
bool probes_have_room(const Probes *probes);

/*
 * Gives the job, its descriptors (n of them, borrowed) and a socket of its own to a probe. The other end of
 * that socket, on which the facts will arrive, is returned to be sent to core. Return: 0 or negative errno.
 *
 * The next one is not started at once: that takes longer than the decision, which would wait for it. Call
 * probes_refill() when what is urgent is done; it happens by itself soon after.
 */
int probes_hand_over(Probes *probes, const SkProbeJob *job, const int *fds, size_t n_fds, int *ret_facts_fd);

/* Starts the next warm probe when there is none. */
void probes_refill(Probes *probes);
