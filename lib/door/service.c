/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/door/service.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/base/str.h"
#include "lib/door/door.h"
#include "lib/log/log.h"

#define CLIENT "sekisho"
#define COMMON 5
/* The numbers of getopt_long() for its own options. */
#define OWN 256

typedef struct Arguments {
	const char *client, *listen;
	uint64_t client_uid;
} Arguments;

static int usage(const SkService *service, FILE *out, int status)
{
	fprintf(out, "usage: %s", service->name);
	for (const SkServiceOption *option = service->options; option && option->name; option++)
		fprintf(out, " [--%s%s%s]", option->name, option->value ? " " : "",
			option->value ? option->value : "");
	fputs(" [--client NAME | --client-uid N] [--listen PATH] [--version]\n", out);
	return status;
}

static void fill_options(const SkService *service, struct option options[SK_SERVICE_OPTIONS_MAX + COMMON + 1])
{
	static const struct option common[COMMON + 1] = {{"client", required_argument, NULL, 'c'},
		{"client-uid", required_argument, NULL, 'C'}, {"listen", required_argument, NULL, 'l'},
		{"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {0}};
	int own = 0;

	for (; service->options && service->options[own].name && own < SK_SERVICE_OPTIONS_MAX; own++)
		options[own] = (struct option){service->options[own].name,
			service->options[own].value ? required_argument : no_argument, NULL, OWN + own};
	memcpy(options + own, common, sizeof(common));
}

static void take_own(const SkServiceOption *option)
{
	if (option->value)
		*option->text = optarg;
	else
		*option->given = true;
}

/* Return: -1 go on; else the exit status. */
static int parse_arguments(const SkService *service, int argc, char **argv, Arguments *arguments)
{
	struct option options[SK_SERVICE_OPTIONS_MAX + COMMON + 1];
	int letter;

	fill_options(service, options);
	while ((letter = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (letter >= OWN)
			take_own(&service->options[letter - OWN]);
		else if (letter == 'c')
			arguments->client = optarg;
		else if (letter == 'l')
			arguments->listen = optarg;
		else if (letter == 'v')
			return printf("%s " SK_VERSION "\n", service->name) < 0;
		else if (letter == 'h')
			return usage(service, stdout, EXIT_SUCCESS);
		else if (letter != 'C' ||
			 sk_num_parse(optarg, 10, UINT32_MAX - 1, &arguments->client_uid) < 0)
			return usage(service, stderr, EXIT_FAILURE);
	}
	return optind == argc ? -1 : usage(service, stderr, EXIT_FAILURE);
}

int sk_service_begin(const SkService *service, int argc, char **argv, SkServiceEntry *ret)
{
	Arguments arguments = {.client = CLIENT, .client_uid = SK_DOOR_BY_NAME};
	int status = parse_arguments(service, argc, argv, &arguments);

	if (status >= 0)
		return status;
	if (sk_door_find_client(arguments.client, arguments.client_uid, &ret->client) < 0)
		return EXIT_FAILURE;
	ret->listen_fd = sk_door_socket(arguments.listen);
	if (ret->listen_fd < 0)
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	sk_log_init(service->name);
	return -1;
}

int sk_service_prepared(int r)
{
	if (r < 0)
		sk_log(LOG_ERR, "cannot begin: %s", strerror(-r));
	return r;
}

int sk_service_jailed(int r)
{
	if (r < 0)
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_JAIL_FAILED},
			"the jail cannot be set up: %s", strerror(-r));
	return r;
}

void sk_service_end(int r)
{
	if (r < 0)
		sk_log(LOG_ERR, "ended: %s", strerror(-r));
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
