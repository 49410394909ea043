/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A console is killed at random moments while agents send all the time. What it acknowledged is there
 * afterwards, in order and once, and agents come back by themselves.
 *
 *	console_kill [KILLS [AGENTS]]
 */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "tests/fleet/console.h"

#define SECOND_US INT64_C(1000000)

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *where)
{
	return remove(path);
}

static uint64_t acked(const Fleet *fleet)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < fleet->count; i++)
		sum += fleet->agents[i].acked;
	return sum;
}

static void run(Fleet *fleet, int64_t us)
{
	fleet_loop_run(&fleet->loop, fleet_now_us() + us, NULL);
}

/* Until everybody waits again, and has been told of something new. */
static bool comes_back(Fleet *fleet)
{
	uint64_t before = acked(fleet);

	for (int i = 0; i < 300; i++) {
		run(fleet, SECOND_US / 10);
		if (fleet->waiting == fleet->count && acked(fleet) >= before + fleet->count)
			return true;
	}
	return false;
}

static int kill_often(FleetConsole *console, Fleet *fleet, unsigned kills)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < kills && wrong == 0; i++) {
		uint64_t before = acked(fleet);

		while (acked(fleet) < before + fleet->count / 2 && !fleet_console_is_dead(console))
			run(fleet, SECOND_US / 50);
		if (fleet_console_is_dead(console)) {
			fputs("the console died by itself\n", stderr);
			return 1;
		}
		run(fleet, fleet_random(SECOND_US / 4));
		fleet_console_stop(console, SIGKILL);
		run(fleet, fleet_random(SECOND_US / 10));
		wrong = fleet_console_check(console, fleet);
		fleet_console_start(console);
		printf("kill %u: %llu acknowledged\n", i + 1, (unsigned long long)acked(fleet));
		fflush(stdout);
	}
	if (wrong == 0 && !comes_back(fleet)) {
		fprintf(stderr, "%u of %u agents came back\n", fleet->waiting, fleet->count);
		return 1;
	}
	return wrong > 0;
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/sekisho-kill-XXXXXX", keys[64];
	uint64_t kills = 10, agents = 30;
	FleetConsole console;
	FleetOfficer officer;
	Fleet fleet;
	int failed;

	if ((argc > 1 && sk_num_parse(argv[1], 10, 100000, &kills) < 0) ||
		(argc > 2 && sk_num_parse(argv[2], 10, 5000, &agents) < 0))
		return 2;
	if (sk_crypt_init() < 0 || !mkdtemp(directory))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	sk_str_format(keys, sizeof(keys), "%s/agents", directory);
	fleet_console_init(&console, directory, NULL);
	fleet_console_start(&console);
	fleet_init(&fleet, keys, (unsigned)agents, console.authority);
	fleet.peer = (FleetPeer){.host = "127.0.0.1", .port = console.agents_port};
	fleet.rhythm = (FleetRhythm){SECOND_US / 2, SECOND_US / 10, SECOND_US / 50};
	fleet_console_officer(&console, &officer);
	fleet_enrol(&fleet, &officer);
	fleet_start(&fleet, 0, fleet.count, SECOND_US / 5);
	failed = kill_often(&console, &fleet, (unsigned)kills);
	failed = failed || fleet_console_check(&console, &fleet) > 0 || fleet.refused > 0;
	printf("%llu records acknowledged, %llu answers refused\n", (unsigned long long)acked(&fleet),
		(unsigned long long)fleet.refused);
	fleet_deinit(&fleet);
	fleet_console_stop(&console, SIGTERM);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	puts(failed ? "failed" : "ok");
	return failed;
}
