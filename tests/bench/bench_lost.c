/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A medium is reported lost at a console with an embedded database and a fleet of agents: how long until the
 * last of them has the signed list on which it stands (the answer to its long poll), and the console's half
 * of the key is destroyed, with the key of the epoch that could have brought it back.
 *
 *	bench_lost [AGENTS]
 *
 * Serves LOSS-1. Keys, certificates and database are kept in build/bench/console-AGENTS. Console and fleet
 * share the machine.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console/db/db.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "tests/fleet/console.h"

#define AGENTS 1000
#define REPORTS 5
#define SECOND_US INT64_C(1000000)
#define CONNECTS_PER_SEC 250

typedef struct Bench {
	unsigned agents;
	FleetConsole console;
	Fleet fleet;
	SkDb *db;
} Bench;

static int64_t number(Bench *bench, const char *sql)
{
	int64_t value = -1;

	if (sk_db_query_int(bench->db, sql, SK_DB_NO_ARGS, &value) < 0) {
		fprintf(stderr, "the database does not answer: %s\n", sql);
		exit(1);
	}
	return value;
}

static void connect_all(Bench *bench)
{
	int64_t within = (int64_t)bench->agents * SECOND_US / CONNECTS_PER_SEC, begin = fleet_now_us();
	Fleet *fleet = &bench->fleet;

	fleet_start(fleet, 0, fleet->count, within);
	while (fleet->waiting < fleet->count && fleet_now_us() < begin + within + 30 * SECOND_US)
		fleet_loop_run(&fleet->loop, fleet_now_us() + SECOND_US / 10, NULL);
	if (fleet->waiting < fleet->count) {
		fprintf(stderr, "%u of %u agents wait\n", fleet->waiting, fleet->count);
		exit(1);
	}
	/* Everybody's first state is told, and who was told is back at the poll. */
	fleet_loop_run(&fleet->loop, fleet_now_us() + 5 * SECOND_US, NULL);
}

/* Milliseconds from the report to the last terminal, and to the destroyed key. */
static void report(Bench *bench, double *ret_refused, double *ret_destroyed)
{
	Fleet *fleet = &bench->fleet;
	char medium[FLEET_ID_SIZE];
	int64_t epoch, destroyed = 0, end;

	fleet_console_medium(&bench->console, fleet, medium);
	fleet_console_give_key(&bench->console, fleet, medium);
	fleet_loop_run(&fleet->loop, fleet_now_us() + 2 * SECOND_US, NULL);
	epoch = number(bench, "SELECT max(number) FROM epochs");
	fleet_clear(fleet);
	fleet_console_lose(&bench->console, fleet, medium);
	end = fleet->wake_us + 60 * SECOND_US;
	while ((fleet->woken.count < fleet->count || destroyed == 0) && fleet_now_us() < end) {
		fleet_loop_run(&fleet->loop, fleet_now_us() + 5000, NULL);
		if (destroyed == 0 && number(bench, "SELECT max(number) FROM epochs") > epoch &&
			number(bench, "SELECT count(*) FROM epochs WHERE destroyed IS NULL") == 0)
			destroyed = fleet_now_us();
	}
	if (fleet->woken.count < fleet->count || destroyed == 0) {
		fprintf(stderr, "%zu of %u heard of it, the key is %s\n", fleet->woken.count, fleet->count,
			destroyed ? "destroyed" : "there");
		exit(1);
	}
	*ret_refused = fleet_stats_permille(&fleet->woken, 1000);
	*ret_destroyed = (double)(destroyed - fleet->wake_us) / 1000;
	printf("  first terminal %.0f ms, p50 %.0f ms, last %.0f ms; key destroyed %.0f ms\n",
		fleet_stats_permille(&fleet->woken, 0), fleet_stats_permille(&fleet->woken, 500),
		*ret_refused, *ret_destroyed);
	fleet->wake_us = 0;
	fleet_loop_run(&fleet->loop, fleet_now_us() + 3 * SECOND_US, NULL);
}

static void print(const Bench *bench, const char *what, double worst)
{
	printf("{\"id\":\"lost.%s-%u\",\"value\":%.3f,\"unit\":\"s\",\"peer\":null,\"peer_value\":null,"
	       "\"ratio\":null,\"goal\":\"<= 2\",\"met\":%s}\n",
		what, bench->agents, worst / 1000, worst <= 2000 ? "true" : "false");
	fflush(stdout);
}

static void measure(Bench *bench)
{
	char folder[128], keys[160];
	FleetOfficer officer;
	double refused = 0, destroyed = 0;

	sk_str_format(folder, sizeof(folder), "%s/build/bench/console-%u", getcwd(NULL, 0), bench->agents);
	sk_str_format(keys, sizeof(keys), "%s/agents", folder);
	fleet_console_init(&bench->console, folder, NULL);
	fleet_console_start(&bench->console);
	fleet_init(&bench->fleet, keys, bench->agents, bench->console.authority);
	bench->fleet.peer = (FleetPeer){.host = "127.0.0.1", .port = bench->console.agents_port};
	fleet_console_officer(&bench->console, &officer);
	if (fleet_enrol(&bench->fleet, &officer) > 0)
		fleet_store(&bench->fleet, keys);
	fleet_console_resume(&bench->console, &bench->fleet);
	if (sk_db_open(bench->console.database, &bench->db) < 0)
		exit(1);
	connect_all(bench);
	for (int i = 0; i < REPORTS; i++) {
		double last, gone;

		report(bench, &last, &gone);
		refused = last > refused ? last : refused;
		destroyed = gone > destroyed ? gone : destroyed;
	}
	print(bench, "refused-everywhere", refused);
	print(bench, "key-destroyed", destroyed);
	sk_db_free(bench->db);
	fleet_deinit(&bench->fleet);
	fleet_console_stop(&bench->console, SIGTERM);
}

int main(int argc, char **argv)
{
	uint64_t agents = AGENTS;
	Bench bench = {.agents = AGENTS};

	if ((argc > 1 && sk_num_parse(argv[1], 10, 100000, &agents) < 0) || agents == 0)
		return 2;
	if (sk_crypt_init() < 0)
		return 1;
	bench.agents = (unsigned)agents;
	signal(SIGPIPE, SIG_IGN);
	(void)mkdir("build/bench", 0755);
	fleet_raise_limit();
	measure(&bench);
	return 0;
}
