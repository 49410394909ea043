/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A console on PostgreSQL with a synchronous standby. The primary is killed under load and the standby takes
 * its place, as Patroni has it do; then the console is killed. Agents come back by themselves, and what was
 * acknowledged is there.
 */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "tests/fleet/console.h"
#include "tests/lib/pg_server.h"

#define AGENTS 40
#define SECOND_US INT64_C(1000000)

#define PATIENCE_US (120 * SECOND_US)

/* What was so for an agent at some time. */
typedef struct Mark {
	bool is_set;
	uint64_t acked;
} Mark;

typedef struct Cluster {
	PgServer primary, standby;
	FleetConsole console;
	Fleet fleet;
	Mark marks[AGENTS];
	char directory[64];
	bool good;
} Cluster;

static Cluster test;

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

/* Until what is waited for, however busy the machine is. what: for the log. */
static bool run_until(Cluster *cluster, bool (*is_so)(Cluster *cluster), const char *what)
{
	const int64_t end = fleet_now_us() + PATIENCE_US;

	while (!is_so(cluster)) {
		if (fleet_now_us() > end) {
			fprintf(stderr, "%s: not after %d s; %u of %u agents wait, %llu records\n", what,
				(int)(PATIENCE_US / SECOND_US), cluster->fleet.waiting, cluster->fleet.count,
				(unsigned long long)acked(&cluster->fleet));
			return false;
		}
		fleet_loop_run(&cluster->fleet.loop, fleet_now_us() + SECOND_US / 20, NULL);
	}
	return true;
}

/* Everybody waits for news, and was acknowledged more than at the mark. */
static bool all_go_on(Cluster *cluster)
{
	const Fleet *fleet = &cluster->fleet;

	for (unsigned i = 0; i < fleet->count; i++)
		if (fleet->agents[i].acked <= cluster->marks[i].acked)
			return false;
	return fleet->waiting == fleet->count;
}

static bool works(Cluster *cluster)
{
	for (unsigned i = 0; i < cluster->fleet.count; i++)
		cluster->marks[i] = (Mark){.acked = cluster->fleet.agents[i].acked};
	return run_until(cluster, all_go_on, "agents that go on");
}

static bool was_refused(const FleetAgent *agent)
{
	for (size_t i = 0; i < FLEET_KINDS; i++)
		if (agent->failures[i] > 0)
			return true;
	return false;
}

/* An agent that was refused, and of which no records are under way, can hear of none any more. */
static bool all_were_refused(Cluster *cluster)
{
	bool all = true;

	for (unsigned i = 0; i < cluster->fleet.count; i++) {
		const FleetAgent *agent = &cluster->fleet.agents[i];
		Mark *mark = &cluster->marks[i];

		if (!mark->is_set && was_refused(agent) && !agent->sending)
			*mark = (Mark){true, agent->acked};
		all = all && mark->is_set;
	}
	return all;
}

/* Nobody is told yes while there is no primary. */
static bool nobody_is_told_yes(Cluster *cluster)
{
	memset(cluster->marks, 0, sizeof(cluster->marks));
	if (!run_until(cluster, all_were_refused, "agents that are refused"))
		return false;
	for (unsigned i = 0; i < cluster->fleet.count; i++)
		if (cluster->fleet.agents[i].acked != cluster->marks[i].acked) {
			fputs("records were acknowledged without a database\n", stderr);
			return false;
		}
	return true;
}

static void begin(Cluster *cluster)
{
	/* Acknowledged means: on two disks. */
	static const char *const primary[] = {
		"fsync=on", "synchronous_commit=on", "synchronous_standby_names=*", NULL};
	static const char *const standby[] = {
		"fsync=on", "hot_standby=on", "wal_retrieve_retry_interval=200ms", NULL};
	static const char *const alone[] = {"fsync=on", NULL};
	char url[512], keys[96];
	FleetOfficer officer;

	pg_server_start(&cluster->primary, alone);
	pg_server_follow(&cluster->standby, &cluster->primary, standby);
	pg_server_restart(&cluster->primary, primary);
	pg_server_await_follower(&cluster->primary);
	sk_str_format(url, sizeof(url), "postgresql://sekisho@/postgres?host=%s,%s",
		cluster->primary.directory, cluster->standby.directory);
	sk_str_copy(cluster->directory, sizeof(cluster->directory), "/tmp/sekisho-cluster-XXXXXX");
	if (!mkdtemp(cluster->directory))
		exit(1);
	fleet_console_init(&cluster->console, cluster->directory, url);
	fleet_console_start(&cluster->console);
	sk_str_format(keys, sizeof(keys), "%s/agents", cluster->directory);
	fleet_init(&cluster->fleet, keys, AGENTS, cluster->console.authority);
	cluster->fleet.peer = (FleetPeer){.host = "127.0.0.1", .port = cluster->console.agents_port};
	cluster->fleet.rhythm = (FleetRhythm){SECOND_US, SECOND_US / 4, SECOND_US / 10};
	fleet_console_officer(&cluster->console, &officer);
	fleet_enrol(&cluster->fleet, &officer);
	fleet_start(&cluster->fleet, 0, AGENTS, SECOND_US / 2);
}

static bool fail_over(Cluster *cluster)
{
	pg_server_stop(&cluster->primary, SIGQUIT);
	if (!nobody_is_told_yes(cluster))
		return false;
	pg_server_promote(&cluster->standby);
	if (!works(cluster))
		return false;
	printf("failover: %llu records acknowledged\n", (unsigned long long)acked(&cluster->fleet));
	return fleet_console_check(&cluster->console, &cluster->fleet) == 0;
}

static bool all_lost_it(Cluster *cluster)
{
	return cluster->fleet.waiting == 0;
}

static bool lose_console(Cluster *cluster)
{
	fleet_console_stop(&cluster->console, SIGKILL);
	if (!run_until(cluster, all_lost_it, "agents that notice"))
		return false;
	fleet_console_start(&cluster->console);
	return works(cluster) && fleet_console_check(&cluster->console, &cluster->fleet) == 0;
}

static void show_log(const char *directory)
{
	char command[128];

	sk_str_format(command, sizeof(command), "echo %1$s: >&2; tail -n 20 %1$s/log | cut -c 1-300 >&2",
		directory);
	if (*directory && system(command) != 0)
		fprintf(stderr, "%s has no log\n", directory);
}

/* Also when something below ended the program. */
static void clean_up(void)
{
	fleet_console_stop(&test.console, SIGKILL);
	if (!test.good) {
		show_log(test.directory);
		show_log(test.primary.directory);
		show_log(test.standby.directory);
	}
	if (test.primary.directory[0])
		pg_server_free(&test.primary);
	if (test.standby.directory[0])
		pg_server_free(&test.standby);
	if (test.directory[0])
		nftw(test.directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	if (sk_crypt_init() < 0)
		return 1;
	if (!pg_server_is_there()) {
		puts("no PostgreSQL");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	atexit(clean_up);
	begin(&test);
	test.good = works(&test) && fail_over(&test) && lose_console(&test) && test.fleet.refused == 0;
	printf("%llu records acknowledged, %llu answers refused\n", (unsigned long long)acked(&test.fleet),
		(unsigned long long)test.fleet.refused);
	fleet_deinit(&test.fleet);
	fleet_console_stop(&test.console, SIGTERM);
	puts(test.good ? "ok" : "failed");
	return test.good ? 0 : 1;
}
