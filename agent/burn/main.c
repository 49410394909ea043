/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sekisho-burn: started by systemd when core connects; writes one disc, then it ends. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/burn/burn.h"
#include "agent/burn/drive.h"
#include "agent/burn/image.h"
#include "config.h"
#include "lib/base/str.h"
#include "lib/door/door.h"
#include "lib/log/log.h"

static const char *arg_client = "sekisho";
static const char *arg_listen;
static uint64_t arg_client_uid = SK_DOOR_BY_NAME;
static bool arg_stand_in;

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: sekisho-burn [--client NAME | --client-uid N] [--listen PATH] [--stand-in] "
		     "[--version]\n");
	return status;
}

/* Return: -1 go on; else the exit status. */
static int parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {{"client", required_argument, NULL, 'c'},
		{"client-uid", required_argument, NULL, 'C'}, {"listen", required_argument, NULL, 'l'},
		{"stand-in", no_argument, NULL, 's'}, {"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int letter;

	while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (letter == 'c')
			arg_client = optarg;
		else if (letter == 'l')
			arg_listen = optarg;
		else if (letter == 's')
			arg_stand_in = true;
		else if (letter == 'v')
			return puts("sekisho-burn " SK_VERSION) < 0;
		else if (letter == 'h')
			return usage(stdout, EXIT_SUCCESS);
		else if (letter != 'C' || sk_num_parse(optarg, 10, UINT32_MAX - 1, &arg_client_uid) < 0)
			return usage(stderr, EXIT_FAILURE);
	}
	return optind == argc ? -1 : usage(stderr, EXIT_FAILURE);
}

/* What opens files does it now. Names are written in UTF-8, whatever this PC speaks. */
static int prepare(void)
{
	int r;

	tzset();
	sk_log_init("sekisho-burn");
	r = setlocale(LC_CTYPE, "C.UTF-8") ? image_warm_up() : -ENOENT;
	if (r == 0)
		r = drive_init();
	if (r < 0) {
		sk_log(LOG_ERR, "cannot begin: %s", strerror(-r));
		return r;
	}
	r = burn_jail_enter();
	if (r < 0)
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_JAIL_FAILED},
			"the jail cannot be set up: %s", strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	uid_t client;
	int listen_fd, fd, r;

	r = parse_arguments(argc, argv);
	if (r >= 0)
		return r;
	if (sk_door_find_client(arg_client, arg_client_uid, &client) < 0)
		return EXIT_FAILURE;
	listen_fd = sk_door_socket(arg_listen);
	if (listen_fd < 0)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	if (prepare() < 0)
		return EXIT_FAILURE;
	fd = sk_door_wait(listen_fd, client);
	r = fd < 0 ? fd : burn_serve(fd, arg_stand_in);
	if (r < 0)
		sk_log(LOG_ERR, "ended: %s", strerror(-r));
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
