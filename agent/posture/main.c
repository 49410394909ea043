/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-posture: started by systemd when core connects; one round of checks, then it ends. What needs a
 * privilege is done first, blindly: questions are sent, files are opened. Who reads the answers has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "agent/posture/chrony.h"
#include "agent/posture/files.h"
#include "agent/posture/jail.h"
#include "agent/posture/nft.h"
#include "agent/posture/peer_core.h"
#include "agent/posture/sums.h"
#include "config.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/door/door.h"
#include "lib/log/log.h"

static const char *arg_root = "/";
static const char *arg_client = "sekisho";
static const char *arg_listen;
static uint64_t arg_client_uid = SK_DOOR_BY_NAME;

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: sekisho-posture [--root DIR] [--client NAME | --client-uid N]\n"
		     "                       [--listen PATH] [--version]\n");
	return status;
}

/* Return: -1 go on; else the exit status. */
static int parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {{"root", required_argument, NULL, 'r'},
		{"client", required_argument, NULL, 'c'}, {"client-uid", required_argument, NULL, 'C'},
		{"listen", required_argument, NULL, 'l'}, {"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int letter;

	while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (letter == 'r')
			arg_root = optarg;
		else if (letter == 'c')
			arg_client = optarg;
		else if (letter == 'l')
			arg_listen = optarg;
		else if (letter == 'v')
			return puts("sekisho-posture " SK_VERSION) < 0;
		else if (letter == 'h')
			return usage(stdout, EXIT_SUCCESS);
		else if (letter != 'C' || sk_num_parse(optarg, 10, UINT32_MAX - 1, &arg_client_uid) < 0)
			return usage(stderr, EXIT_FAILURE);
	}
	return optind == argc ? -1 : usage(stderr, EXIT_FAILURE);
}

/* systemd reads the file for us (LoadCredential=), so that nobody here needs to be able to. */
static int open_shadow(const Posture *posture)
{
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];
	int fd;

	if (!directory)
		return file_open(posture, "/etc/shadow");
	if (!sk_str_format(path, sizeof(path), "%s/shadow", directory))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* What is only of this PC is not said of another root. */
static void ask_this_pc(Posture *posture)
{
	posture->bus = true;
	posture->fds.chrony = chrony_ask();
	/* To ask would load the module where it is not, and we change nothing. A kernel without modules has
	 * what it has. */
	if (access("/sys/module/nf_tables", F_OK) < 0 && access("/proc/modules", F_OK) == 0)
		return;
	posture->fds.tables = nft_ask(NFT_TABLES);
	posture->fds.chains = nft_ask(NFT_CHAINS);
	posture->fds.rules = nft_ask(NFT_RULES);
}

static int open_posture(Posture *posture)
{
	*posture = (Posture){.now = (int64_t)time(NULL), .fds = {-1, -1, -1, -1, -1}};
	posture->root_fd = open(arg_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (posture->root_fd < 0)
		return -errno;
	posture->fds.shadow = open_shadow(posture);
	if (sk_str_eq(arg_root, "/"))
		ask_this_pc(posture);
	return 0;
}

/* Everything that needs the whole system, then the jail. */
static int prepare(Posture *posture)
{
	int r = sums_init();

	tzset();
	sk_log_init("sekisho-posture");
	if (r == 0)
		r = open_posture(posture);
	if (r < 0) {
		sk_log(LOG_ERR, "cannot begin: %s", strerror(-r));
		return r;
	}
	r = posture_jail_enter();
	if (r < 0)
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_JAIL_FAILED},
			"the jail cannot be set up: %s", strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	Posture posture;
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
	/* Standard error may be a file, of which none may grow. */
	signal(SIGXFSZ, SIG_IGN);
	if (prepare(&posture) < 0)
		return EXIT_FAILURE;
	sd_notify(0, "READY=1");
	fd = sk_door_wait(listen_fd, client);
	r = fd < 0 ? fd : posture_serve(&posture, arg_root, fd);
	if (r < 0)
		sk_log(LOG_ERR, "ended: %s", strerror(-r));
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
