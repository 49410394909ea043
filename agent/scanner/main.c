/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-scanner: says what is in files that core hands over. Started by systemd when core connects; ends
 * when core disconnects or has had nothing to ask for a while, which gives the engine's memory back.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/scanner/broker.h"
#include "agent/scanner/child.h"
#include "agent/scanner/hash.h"
#include "agent/scanner/jail.h"
#include "agent/scanner/mime.h"
#include "config.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/conf/settings.h"
#include "lib/door/door.h"
#include "lib/log/log.h"

static const char *arg_definitions; /* NULL: as the settings say, or those of the console */
static const char *arg_config = SK_CONFDIR;
static const char *arg_temporary = "/tmp";
static const char *arg_client = "sekisho";
static const char *arg_listen;
static const char *arg_user;
static int arg_socket_fd = -1;
static const char *definitions_dirs[3];

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: sekisho-scanner [--config DIR] [--definitions DIR] [--temporary DIR]\n"
		     "                       [--client NAME | --client-uid N] [--user NAME]\n"
		     "                       [--listen PATH | --socket-fd N] [--version]\n");
	return status;
}

static bool parse_number(const char *text, uint64_t max, int *ret_value)
{
	uint64_t value;

	if (sk_num_parse(text, 10, max, &value) < 0)
		return false;
	*ret_value = (int)value;
	return true;
}

/* Return: -1 go on; else the exit status. */
static int parse_arguments(int argc, char **argv, int *ret_client_uid)
{
	static const struct option options[] = {{"definitions", required_argument, NULL, 'd'},
		{"config", required_argument, NULL, 'f'}, {"temporary", required_argument, NULL, 't'},
		{"client", required_argument, NULL, 'c'}, {"client-uid", required_argument, NULL, 'C'},
		{"user", required_argument, NULL, 'u'}, {"listen", required_argument, NULL, 'l'},
		{"socket-fd", required_argument, NULL, 's'}, {"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'}, {0}};
	const struct {
		int letter;
		const char **text;
	} texts[] = {{'d', &arg_definitions}, {'f', &arg_config}, {'t', &arg_temporary}, {'c', &arg_client},
		{'u', &arg_user}, {'l', &arg_listen}};
	int letter;

	while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		bool ok = letter != '?';

		for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++)
			if (letter == texts[i].letter)
				*texts[i].text = optarg;
		if (letter == 'C')
			ok = parse_number(optarg, INT32_MAX, ret_client_uid);
		if (letter == 's')
			ok = parse_number(optarg, 1023, &arg_socket_fd);
		if (letter == 'h')
			return usage(stdout, EXIT_SUCCESS);
		if (letter == 'v') {
			puts("sekisho-scanner " SK_VERSION);
			return EXIT_SUCCESS;
		}
		if (!ok)
			return usage(stderr, EXIT_FAILURE);
	}
	return optind == argc ? -1 : usage(stderr, EXIT_FAILURE);
}

/* Settings that are wrong are told by core, and the defaults are in force there too. */
static int find_definitions(void)
{
	own_settings SkSettings *settings = NULL;
	own_free char *errors = NULL;
	char *console = NULL;

	definitions_dirs[0] = arg_definitions;
	if (arg_definitions)
		return 0;
	if (sk_settings_load(arg_config, &settings, &errors) < 0 && sk_settings_new(&settings) < 0)
		return -ENOMEM;
	/* Kept for as long as the process lives. The second one is core's (agent/core/definitions.h). */
	if (asprintf(&console, "%s-definitions", settings->agent.state_directory) < 0)
		return -ENOMEM;
	definitions_dirs[0] = own_take(settings->scan.definitions_directory);
	definitions_dirs[1] = console;
	return 0;
}

/* Everything that needs the whole system, then the jail. */
static int prepare(uid_t uid, gid_t gid)
{
	int r = hash_init();

	if (r == 0)
		r = engine_init();
	if (r < 0)
		return r;
	if (mime_init() < 0)
		fprintf(stderr,
			"sekisho-scanner: libmagic has no database: some types stay without a name\n");
	child_init();
	sk_log_init("sekisho-scanner");
	r = jail_parent(uid, gid);
	if (r < 0)
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_JAIL_FAILED},
			"the jail cannot be set up: %s", strerror(-r));
	return r;
}

static int enter(void *userdata, int fd)
{
	return broker_connect(userdata, fd);
}

static int run(Broker *broker, int listen_fd, uid_t client)
{
	const SkDoor door = {.listen_fd = listen_fd, .client = client, .enter = enter, .userdata = broker};
	sd_event_source *accept = NULL;
	sd_event *event = NULL;
	int r = sd_event_new(&event);

	if (r >= 0)
		r = broker_init(broker, event, definitions_dirs, arg_temporary);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(event, true);
	if (r >= 0)
		r = sk_door_open(event, &door, &accept);
	if (r >= 0) {
		sd_notify(0, "READY=1");
		r = sd_event_loop(event);
	}
	sd_event_source_disable_unref(accept);
	broker_deinit(broker);
	sd_event_unref(event);
	return r;
}

int main(int argc, char **argv)
{
	own_free Broker *broker = calloc(1, sizeof(*broker));
	uid_t uid = (uid_t)-1, client;
	gid_t gid = (gid_t)-1, ignored;
	int client_uid = -1, listen_fd, r;
	sigset_t signals;

	if (!broker)
		return EXIT_FAILURE;
	r = parse_arguments(argc, argv, &client_uid);
	if (r >= 0)
		return r;
	client = (uid_t)client_uid;
	if (client_uid < 0 && sk_door_find_user(arg_client, &client, &ignored) < 0)
		return EXIT_FAILURE;
	if (arg_user && sk_door_find_user(arg_user, &uid, &gid) < 0)
		return EXIT_FAILURE;
	listen_fd = arg_socket_fd >= 0 ? arg_socket_fd : sk_door_socket(arg_listen);
	if (listen_fd < 0)
		return EXIT_FAILURE;
	if (find_definitions() < 0)
		return EXIT_FAILURE;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (prepare(uid, gid) < 0)
		return EXIT_FAILURE;
	r = run(broker, listen_fd, client);
	if (r < 0)
		sk_log(LOG_ERR, "ended: %s", strerror(-r));
	/* At once: what libraries do at exit may need calls that the jail refuses. */
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
