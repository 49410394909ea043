/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-hold: tells logind which program keeps the desktop of this user from being idle, because desktops
 * keep that to themselves. See sekisho-hold(8). It runs as the user, who may hold such a lock anyway, and is
 * believed no more than he is: sekisho-lock lengthens its limit by a budget only.
 *
 * Exit status: 0 the session ended, 1 failed, 2 wrong arguments.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "agent/hold/holders.h"
#include "config.h"
#include "lib/base/own.h"
#include "lib/bus/overhear.h"

#define LOGIND "org.freedesktop.login1"

typedef struct Hold {
	sd_bus *session, *system;
	sd_bus *calls;	    /* of players, as they go by; NULL: they cannot be heard */
	sd_bus_slot *names; /* whoever leaves the bus, while it could be a player that nobody announces */
	sd_event_source *later;
	Holder holder; /* what logind was told; "": nothing */
	int fd;	       /* of logind, as long as it holds */
} Hold;

static void let_go(Hold *hold)
{
	if (hold->fd >= 0)
		close(hold->fd);
	hold->fd = -1;
	hold->holder = (Holder){0};
	hold->names = sd_bus_slot_unref(hold->names);
}

/* Many signals, one look. */
static int on_change(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	Hold *hold = userdata;

	sd_event_source_set_enabled(hold->later, SD_EVENT_ONESHOT);
	return 0;
}

/* A call comes to its manager before what is asked because of it. */
static int on_call(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)on_change(call, userdata, error);
	return 1;
}

static void take(Hold *hold, const Holder *holder)
{
	sd_bus_message *answer = NULL;
	int fd, r;

	let_go(hold);
	r = sd_bus_call_method(hold->system, LOGIND, "/org/freedesktop/login1", LOGIND ".Manager", "Inhibit",
		NULL, &answer, "ssss", "idle", holder->who, holder->why, "block");
	if (r >= 0)
		r = sd_bus_message_read(answer, "h", &fd);
	if (r >= 0) {
		hold->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the message has its own */
		hold->holder = *holder;
		if (holder->silent)
			(void)sd_bus_match_signal(hold->session, &hold->names, "org.freedesktop.DBus", NULL,
				NULL, "NameOwnerChanged", on_change, hold);
	} else
		fprintf(stderr, "sekisho-hold: %s is not told to logind: %s\n", holder->who, strerror(-r));
	sd_bus_message_unref(answer);
}

static int look(sd_event_source *source, void *userdata)
{
	Hold *hold = userdata;
	Holder holder = {0};

	if (!holders_find(hold->session, &hold->holder, &holder))
		let_go(hold);
	else if (!holders_same(&holder, &hold->holder))
		take(hold, &holder);
	return 0;
}

static int start(Hold *hold, sd_event *event)
{
	int r = sd_bus_open_user(&hold->session);

	if (r >= 0)
		r = sd_bus_open_system(&hold->system);
	if (r >= 0)
		r = sd_bus_attach_event(hold->session, event, 0);
	if (r >= 0)
		r = sd_bus_attach_event(hold->system, event, 0);
	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(hold->session, true);
	for (const char *const *rule = holders_signals; r >= 0 && *rule; rule++)
		r = sd_bus_add_match(hold->session, NULL, *rule, on_change, hold);
	if (r >= 0)
		r = sd_event_add_defer(event, &hold->later, look, hold);
	if (r >= 0)
		r = sd_event_source_set_enabled(hold->later, SD_EVENT_ONESHOT);
	return r;
}

/* The policy of a bus may forbid it; then Xfce's players are not seen, and all others are. */
static void overhear(Hold *hold)
{
	int r = sk_bus_overhear(hold->session, holders_calls, on_call, hold, &hold->calls);

	if (r < 0)
		fprintf(stderr, "sekisho-hold: calls on the bus of this session cannot be heard: %s\n",
			strerror(-r));
}

int main(int argc, char **argv)
{
	Hold hold = {.fd = -1};
	sd_event *event = NULL;
	int r;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("sekisho-hold " SK_VERSION) < 0;
	if (argc != 1) {
		fputs("usage: sekisho-hold [--version]\n", stderr);
		return 2;
	}
	r = sd_event_default(&event);
	if (r >= 0)
		r = start(&hold, event);
	if (r >= 0) {
		overhear(&hold);
		r = sd_event_loop(event);
	}
	if (r < 0)
		fprintf(stderr, "sekisho-hold: %s\n", strerror(-r));
	let_go(&hold);
	sd_event_source_unref(hold.later);
	sd_bus_flush_close_unref(hold.calls);
	sd_bus_flush_close_unref(hold.session);
	sd_bus_flush_close_unref(hold.system);
	sd_event_unref(event);
	return r < 0;
}
