/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-uplink: started by systemd when core connects, ends when core does.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "agent/uplink/facts.h"
#include "agent/uplink/jail.h"
#include "agent/uplink/key.h"
#include "agent/uplink/uplink.h"
#include "config.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/door/door.h"
#include "lib/log/log.h"
#include "lib/tpm/tpm.h"

static const char *arg_state = "/var/lib/sekisho-uplink";
static const char *arg_client = "sekisho";
static const char *arg_listen;
static const char *arg_tpm = SK_TPM_HERE;
static uint64_t arg_client_uid = SK_DOOR_BY_NAME;

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: sekisho-uplink [--state DIR] [--client NAME | --client-uid N]\n"
		     "                      [--listen PATH] [--tpm TPM] [--version]\n");
	return status;
}

/* Return: -1 go on; else the exit status. */
static int parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {{"state", required_argument, NULL, 's'},
		{"client", required_argument, NULL, 'c'}, {"client-uid", required_argument, NULL, 'C'},
		{"listen", required_argument, NULL, 'l'}, {"tpm", required_argument, NULL, 't'},
		{"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {0}};
	int letter;

	while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (letter == 's')
			arg_state = optarg;
		else if (letter == 'c')
			arg_client = optarg;
		else if (letter == 'l')
			arg_listen = optarg;
		else if (letter == 't')
			arg_tpm = optarg;
		else if (letter == 'v')
			return puts("sekisho-uplink " SK_VERSION) < 0;
		else if (letter == 'h')
			return usage(stdout, EXIT_SUCCESS);
		else if (letter != 'C' || sk_num_parse(optarg, 10, UINT32_MAX - 1, &arg_client_uid) < 0)
			return usage(stderr, EXIT_FAILURE);
	}
	return optind == argc ? -1 : usage(stderr, EXIT_FAILURE);
}

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

	sk_log_init("sekisho-uplink");
	if (r == 0)
		r = http_init();
	if (r == 0)
		r = key_init(arg_tpm);
	if (r < 0)
		return r;
	up->facts = facts_new();
	if (!up->facts)
		return -ENOMEM;
	r = uplink_jail_enter(arg_state);
	if (r < 0) {
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_JAIL_FAILED},
			"the jail cannot be set up: %s", strerror(-r));
		return r;
	}
	r = open_state(up);
	if (r < 0)
		sk_log(LOG_ERR, "%s cannot be used: %s", arg_state, strerror(-r));
	return r;
}

static int enter(void *userdata, int fd)
{
	return core_connect(userdata, fd);
}

static int run(Uplink *up, int listen_fd, uid_t client)
{
	const SkDoor door = {.listen_fd = listen_fd, .client = client, .enter = enter, .userdata = up};
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
	own_free Uplink *up = calloc(1, sizeof(*up));
	sigset_t signals;
	int listen_fd, r;
	uid_t client;

	if (!up)
		return EXIT_FAILURE;
	r = parse_arguments(argc, argv);
	if (r >= 0)
		return r;
	if (sk_door_find_client(arg_client, arg_client_uid, &client) < 0)
		return EXIT_FAILURE;
	listen_fd = sk_door_socket(arg_listen);
	if (listen_fd < 0)
		return EXIT_FAILURE;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (prepare(up) < 0)
		return EXIT_FAILURE;
	r = run(up, listen_fd, client);
	if (r < 0)
		sk_log(LOG_ERR, "ended: %s", strerror(-r));
	/* At once: everything that counts is on the disk already. */
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
