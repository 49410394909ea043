/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-uplink: started by systemd when core connects, ends when core does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "agent/uplink/facts.h"
#include "agent/uplink/jail.h"
#include "agent/uplink/key.h"
#include "agent/uplink/uplink.h"
#include "lib/base/own.h"
#include "lib/crypt/digest.h"
#include "lib/door/door.h"
#include "lib/door/service.h"
#include "lib/log/log.h"
#include "lib/tpm/tpm.h"

static const char *arg_state = "/var/lib/sekisho-uplink";
static const char *arg_tpm = SK_TPM_HERE;

/* What is there and cannot be used is told, and kept for whoever looks into it: the next enrolment replaces
 * it. */
static int open_state(Uplink *up)
{
	int r;

	up->state_fd = open(arg_state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (up->state_fd < 0)
		return -errno;
	identity_sweep(up->state_fd);
	r = identity_load(up->state_fd, &up->identity);
	if (r < 0 && r != -ENOENT)
		sk_log(LOG_ERR, "the identity in %s cannot be used: %s", arg_state, strerror(-r));
	return spool_open(up->state_fd, "spool", &up->spool);
}

/* Everything that needs the whole system, then the jail, then what others wrote. */
static int prepare(Uplink *up)
{
	int r = sk_crypt_init();

	if (r == 0)
		r = http_init();
	if (r == 0)
		r = key_init(arg_tpm);
	if (sk_service_prepared(r) < 0)
		return r;
	up->facts = facts_new();
	if (!up->facts)
		return -ENOMEM;
	r = sk_service_jailed(uplink_jail_enter(arg_state));
	if (r < 0)
		return r;
	r = open_state(up);
	if (r < 0)
		sk_log(LOG_ERR, "%s cannot be used: %s", arg_state, strerror(-r));
	return r;
}

static int enter(void *userdata, int fd)
{
	return core_connect(userdata, fd);
}

static int run(Uplink *up, const SkServiceEntry *entry)
{
	const SkDoor door = {
		.listen_fd = entry->listen_fd, .client = entry->client, .enter = enter, .userdata = up};
	sd_event_source *accept = NULL;
	int r = sd_event_new(&up->event);

	if (r >= 0)
		r = sd_event_add_signal(up->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(up->event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(up->event, true);
	if (r >= 0)
		r = sk_door_open(up->event, &door, &accept);
	if (r < 0)
		return r;
	sd_notify(0, "READY=1");
	r = sd_event_loop(up->event);
	sd_event_source_disable_unref(accept);
	return r;
}

int main(int argc, char **argv)
{
	static const SkServiceOption options[] = {{.name = "state", .value = "DIR", .text = &arg_state},
		{.name = "tpm", .value = "TPM", .text = &arg_tpm}, {0}};
	own_free Uplink *up = calloc(1, sizeof(*up));
	SkServiceEntry entry;
	sigset_t signals;
	int r;

	if (!up)
		return EXIT_FAILURE;
	r = sk_service_begin(&(SkService){"sekisho-uplink", options}, argc, argv, &entry);
	if (r >= 0)
		return r;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (prepare(up) < 0)
		return EXIT_FAILURE;
	sk_service_end(run(up, &entry));
}
