/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fleet for tests in other languages: cluster_agents DIRECTORY AUTHORITY HOST PEOPLE-PORT AGENTS-PORT
 * COOKIE CSRF FACILITY COUNT enrols so many agents and lets them work. It reads a command from each line:
 *
 *	look		prints how they are: waiting, acknowledged, gained (the least that one of them was
 *			acknowledged since the mark), refused, failed
 *	mark		acknowledged from here
 *	check ADDRESS	prints how many of them lack something acknowledged in the database
 *	end
 *
 * Each answer is one line of JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "tests/fleet/console.h"

#define SECOND_US INT64_C(1000000)

typedef struct Agents {
	Fleet fleet;
	uint64_t *marks;
	char line[1024];
	size_t size;
	bool ending;
} Agents;

static void look(const Agents *agents)
{
	const Fleet *fleet = &agents->fleet;
	uint64_t acked = 0, least = UINT64_MAX, failed = 0;

	for (unsigned i = 0; i < fleet->count; i++) {
		uint64_t gained = fleet->agents[i].acked - agents->marks[i];

		acked += fleet->agents[i].acked;
		least = gained < least ? gained : least;
	}
	for (size_t i = 0; i < FLEET_KINDS; i++)
		failed += fleet->failed[i];
	printf("{\"waiting\": %u, \"acknowledged\": %llu, \"gained\": %llu, \"refused\": %llu, \"failed\": "
	       "%llu}\n",
		fleet->waiting, (unsigned long long)acked, (unsigned long long)least,
		(unsigned long long)fleet->refused, (unsigned long long)failed);
}

static void mark(Agents *agents)
{
	for (unsigned i = 0; i < agents->fleet.count; i++)
		agents->marks[i] = agents->fleet.agents[i].acked;
	puts("{}");
}

static void check(const Agents *agents, const char *address)
{
	FleetConsole console = {.pid = 0};

	sk_str_copy(console.database, sizeof(console.database), address);
	printf("{\"lacking\": %u}\n", fleet_console_check(&console, &agents->fleet));
}

static void do_command(Agents *agents, const char *command)
{
	if (sk_str_eq(command, "look"))
		look(agents);
	else if (sk_str_eq(command, "mark"))
		mark(agents);
	else if (sk_str_starts(command, "check "))
		check(agents, command + strlen("check "));
	else
		agents->ending = true;
	fflush(stdout);
}

static void read_commands(Agents *agents)
{
	ssize_t n = read(0, agents->line + agents->size, sizeof(agents->line) - 1 - agents->size);
	char *end;

	if (n == 0 || (n < 0 && errno != EAGAIN))
		agents->ending = true;
	agents->size += n > 0 ? (size_t)n : 0;
	agents->line[agents->size] = 0;
	while ((end = strchr(agents->line, '\n'))) {
		*end++ = 0;
		do_command(agents, agents->line);
		agents->size = strlen(end);
		memmove(agents->line, end, agents->size + 1);
	}
}

int main(int argc, char **argv)
{
	Agents agents = {.ending = false};
	FleetOfficer officer;
	unsigned count;

	if (argc != 10 || sk_crypt_init() < 0)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	count = (unsigned)strtoul(argv[9], NULL, 10);
	officer = (FleetOfficer){argv[3], (uint16_t)strtoul(argv[4], NULL, 10), argv[6], argv[7], argv[8]};
	fleet_init(&agents.fleet, argv[1], count, argv[2]);
	agents.fleet.peer = (FleetPeer){.host = argv[3], .port = (uint16_t)strtoul(argv[5], NULL, 10)};
	agents.fleet.rhythm = (FleetRhythm){SECOND_US, SECOND_US / 2, SECOND_US / 10};
	agents.marks = calloc(count, sizeof(*agents.marks));
	if (!agents.marks)
		return 1;
	fleet_enrol(&agents.fleet, &officer);
	fleet_start(&agents.fleet, 0, count, SECOND_US);
	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	puts("{}");
	fflush(stdout);
	while (!agents.ending) {
		fleet_loop_run(&agents.fleet.loop, fleet_now_us() + SECOND_US / 20, NULL);
		read_commands(&agents);
	}
	fleet_deinit(&agents.fleet);
	free(agents.marks);
	return 0;
}
