/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/retired.h"

#include <sys/epoll.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "agent/core/core.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define RETIRED_MAX 64

typedef struct Retired {
	SkGate *gate;
	sd_event_source *io;
} Retired;

static Retired retired[RETIRED_MAX];
static unsigned next;

static void on_open(void *userdata, SkGate *gate, SkGateEvent *event)
{
	sk_gate_answer(gate, event, S_ISDIR(event->mode));
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	return sk_gate_dispatch(userdata) < 0 ? sd_event_source_set_enabled(source, SD_EVENT_OFF) : 0;
}

static void clear(Retired *place)
{
	place->io = sd_event_source_disable_unref(place->io);
	place->gate = sk_gate_free(place->gate);
}

/* A place whose volume has really gone, or else the oldest. */
static Retired *find_place(void)
{
	for (size_t i = 0; i < RETIRED_MAX; i++)
		if (!retired[i].gate || !sk_gate_is_needed(sk_gate_group(retired[i].gate)))
			return &retired[i];
	return &retired[next++ % RETIRED_MAX];
}

void retired_add(Core *core, SkGate *gate)
{
	Retired *place = find_place();

	clear(place);
	sk_gate_hand_over(gate, on_open, NULL);
	place->gate = gate;
	if (sd_event_add_io(core->event, &place->io, sk_gate_fd(gate), EPOLLIN, on_io, gate) < 0)
		sk_log(LOG_ERR, "no memory: who opens a file of a medium that has gone waits until killed");
}

void retired_add_group(Core *core, int group_fd)
{
	SkGate *gate = sk_gate_new(group_fd, on_open, NULL);

	/* Kept also when it cannot be read: who opens a file waits then, and is not let in. */
	if (gate && (sk_gate_deny_outstanding(gate) < 0 || sk_gate_start(gate) < 0))
		sk_log(LOG_ERR, "a gate that an earlier start has left cannot be answered");
	if (gate)
		retired_add(core, gate);
}

void retired_close(void)
{
	for (size_t i = 0; i < RETIRED_MAX; i++)
		clear(&retired[i]);
}
