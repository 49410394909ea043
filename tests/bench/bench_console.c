/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A console with its embedded database under a fleet of agents that are as real as tests/fleet makes them: a
 * certificate each, TLS 1.3, one long poll, a heartbeat and two records a minute. Prints how long the calls
 * took, what the console needed for it, and how long a change that concerns all of them was on its way.
 *
 *	bench_console [AGENTS [SECONDS [postgresql]]]
 *
 * Without arguments it is done with the embedded database, and once more with PostgreSQL where there is one.
 * Keys, certificates and database are kept in build/bench/console-AGENTS, so that 10,000 are enrolled once.
 * Console and fleet share the machine. An agent has two connections most of the time, and a process as many
 * as its limit of descriptors says.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "tests/fleet/console.h"
#include "tests/lib/pg_server.h"

#define AGENTS 10000
#define SECONDS 120
#define SECOND_US INT64_C(1000000)
#define CONNECTS_PER_SEC 250
#define WAKES 3

typedef struct Bench {
	unsigned agents, seconds;
	const char *engine;
	PgServer server;
	FleetConsole console;
	Fleet fleet;
} Bench;

/* goal: at most that much; 0: measured, not promised. */
static void print(const Bench *bench, const char *what, double value, const char *unit, double goal)
{
	char text[32];

	sk_str_format(text, sizeof(text), "\"below %.0f\"", goal);
	printf("{\"id\":\"console.%s-%u%s\",\"value\":%.2f,\"unit\":\"%s\",\"peer\":null,\"peer_value\":null,"
	       "\"ratio\":null,\"goal\":%s,\"met\":%s}\n",
		what, bench->agents, bench->engine, value, unit, goal > 0 ? text : "null",
		goal == 0      ? "null"
		: value < goal ? "true"
			       : "false");
	fflush(stdout);
}

static double load(void)
{
	double average = 0;

	return getloadavg(&average, 1) == 1 ? average : NAN;
}

static void enrol(Bench *bench, const char *folder)
{
	FleetOfficer officer;
	int64_t begin = fleet_now_us();
	unsigned enrolled;
	double seconds;

	fleet_console_officer(&bench->console, &officer);
	enrolled = fleet_enrol(&bench->fleet, &officer);
	seconds = (double)(fleet_now_us() - begin) / 1e6;
	if (enrolled == 0)
		return;
	fleet_store(&bench->fleet, folder);
	print(bench, "enrol", enrolled / seconds, "enrolments/s", 0);
}

/* Everybody's first poll and handshake, not more at once than come back after a failure. */
static void connect_all(Bench *bench)
{
	int64_t within = (int64_t)bench->agents * SECOND_US / CONNECTS_PER_SEC, begin = fleet_now_us();
	Fleet *fleet = &bench->fleet;

	fleet_start(fleet, 0, fleet->count, within);
	fleet_loop_run(&fleet->loop, begin + within, NULL);
	while (fleet->waiting < fleet->count && fleet_now_us() < begin + within + 20 * SECOND_US)
		fleet_loop_run(&fleet->loop, fleet_now_us() + SECOND_US / 10, NULL);
	printf("  %u of %u agents wait after %.1f s; handshake p50 %.1f ms, p99 %.1f ms; load of the machine "
	       "%.1f\n",
		fleet->waiting, fleet->count, (double)(fleet_now_us() - begin) / 1e6,
		fleet_stats_permille(&fleet->loop.handshakes, 500),
		fleet_stats_permille(&fleet->loop.handshakes, 990), load());
	if (fleet->waiting < fleet->count)
		exit(1);
	/* The rhythm of a minute comes in. */
	fleet_loop_run(&fleet->loop, fleet_now_us() + 30 * SECOND_US, NULL);
}

static void tell_kind(Fleet *fleet, FleetKind kind, const char *name)
{
	FleetStats *took = &fleet->took[kind];

	printf("  %-8s %8llu answered, %llu failed; p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, p99.9 %.2f ms\n",
		name, (unsigned long long)fleet->answers[kind], (unsigned long long)fleet->failed[kind],
		fleet_stats_permille(took, 500), fleet_stats_permille(took, 900),
		fleet_stats_permille(took, 990), fleet_stats_permille(took, 999));
}

static void measure_rhythm(Bench *bench)
{
	Fleet *fleet = &bench->fleet;
	FleetUsage before, after;
	double p99, cpu;

	fleet_clear(fleet);
	fleet_console_usage(&bench->console, &before);
	fleet_loop_run(&fleet->loop, fleet_now_us() + bench->seconds * SECOND_US, NULL);
	fleet_console_usage(&bench->console, &after);
	tell_kind(fleet, FLEET_STATUS, "status");
	tell_kind(fleet, FLEET_RECORDS, "records");
	cpu = (after.cpu_sec - before.cpu_sec) / bench->seconds;
	printf("  %zu handshakes; the fleet's own lag p99 %.1f ms; console: %u threads, %u descriptors, load "
	       "%.1f\n",
		fleet->loop.handshakes.count, fleet_stats_permille(&fleet->loop.lag, 990), after.threads,
		after.descriptors, load());
	if (fleet->refused > 0 || fleet->failed[FLEET_STATUS] + fleet->failed[FLEET_RECORDS] > 0 ||
		fleet->took[FLEET_RECORDS].count == 0) {
		fprintf(stderr, "not all was answered: %llu refused\n", (unsigned long long)fleet->refused);
		exit(1);
	}
	p99 = fmax(fleet_stats_permille(&fleet->took[FLEET_STATUS], 990),
		fleet_stats_permille(&fleet->took[FLEET_RECORDS], 990));
	print(bench, "p50", fleet_stats_permille(&fleet->took[FLEET_RECORDS], 500), "ms", 0);
	print(bench, "p99", p99, "ms", 100);
	print(bench, "memory", after.resident_mb, "MB", 1024);
	print(bench, "cpu", cpu, "cores", 0);
	print(bench, "calls",
		(double)(fleet->answers[FLEET_STATUS] + fleet->answers[FLEET_RECORDS]) / bench->seconds,
		"calls/s", 0);
}

static void measure_wake(Bench *bench)
{
	Fleet *fleet = &bench->fleet;
	FleetStats all = {.count = 0};
	FleetUsage before, after;
	size_t missing = 0, woken = 0;
	double cpu = 0;

	for (int i = 0; i < WAKES; i++) {
		unsigned waiting = fleet->waiting;

		fleet_clear(fleet);
		fleet_console_usage(&bench->console, &before);
		fleet_console_lose_medium(&bench->console, fleet);
		printf("  the report was answered after %.0f ms\n",
			(double)(fleet_now_us() - fleet->wake_us) / 1000);
		fleet_loop_run(&fleet->loop, fleet_now_us() + 20 * SECOND_US, NULL);
		printf("  woken: %zu of %u; first %.0f ms, p50 %.0f ms, p99 %.0f ms, last %.0f ms; state p99 "
		       "%.0f ms\n",
			fleet->woken.count, waiting, fleet_stats_permille(&fleet->woken, 0),
			fleet_stats_permille(&fleet->woken, 500), fleet_stats_permille(&fleet->woken, 990),
			fleet_stats_permille(&fleet->woken, 1000),
			fleet_stats_permille(&fleet->took[FLEET_STATE], 990));
		fleet_console_usage(&bench->console, &after);
		cpu += after.cpu_sec - before.cpu_sec;
		woken += fleet->woken.count;
		missing += fleet->woken.count < waiting ? waiting - fleet->woken.count : 0;
		for (size_t s = 0; s < fleet->woken.count; s++)
			fleet_stats_add(&all, fleet->woken.samples[s]);
		fleet->wake_us = 0;
	}
	for (size_t i = 0; i < missing; i++)
		fleet_stats_add(&all, 60 * SECOND_US);
	print(bench, "wake", fleet_stats_permille(&all, 990), "ms", 1000);
	/* With its confirmation, and whatever else came in these seconds. */
	print(bench, "wake-cpu", woken > 0 ? cpu * 1e6 / (double)woken : 0, "us an agent", 0);
	fleet_stats_clear(&all);
}

static void measure(unsigned agents, unsigned seconds, const char *engine)
{
	static const char *const durable[] = {"fsync=on", NULL};
	Bench bench = {.agents = agents, .seconds = seconds, .engine = engine};
	char folder[128], keys[160];

	sk_str_format(folder, sizeof(folder), "%s/build/bench/console-%u%s", getcwd(NULL, 0), bench.agents,
		bench.engine);
	sk_str_format(keys, sizeof(keys), "%s/agents", folder);
	if (*bench.engine)
		pg_server_start(&bench.server, durable);
	fleet_console_init(&bench.console, folder, *bench.engine ? bench.server.url : NULL);
	fleet_console_start(&bench.console);
	fleet_init(&bench.fleet, keys, bench.agents, bench.console.authority);
	bench.fleet.peer = (FleetPeer){.host = "127.0.0.1", .port = bench.console.agents_port};
	enrol(&bench, keys);
	fleet_console_resume(&bench.console, &bench.fleet);
	connect_all(&bench);
	measure_rhythm(&bench);
	measure_wake(&bench);
	fleet_deinit(&bench.fleet);
	fleet_console_stop(&bench.console, SIGTERM);
	if (*bench.engine)
		pg_server_free(&bench.server);
}

int main(int argc, char **argv)
{
	uint64_t agents = AGENTS, seconds = SECONDS;

	if ((argc > 1 && sk_num_parse(argv[1], 10, 200000, &agents) < 0) ||
		(argc > 2 && sk_num_parse(argv[2], 10, 86400, &seconds) < 0) || agents == 0 || seconds == 0)
		return 2;
	if (sk_crypt_init() < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	(void)mkdir("build/bench", 0755);
	fleet_raise_limit();
	if (argc < 4)
		measure((unsigned)agents, (unsigned)seconds, "");
	if (argc > 3 || (argc == 1 && pg_server_is_there()))
		measure((unsigned)agents, (unsigned)seconds, "-postgresql");
	return 0;
}
