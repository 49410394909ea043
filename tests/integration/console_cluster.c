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
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "tests/fleet/console.h"
#include "tests/lib/pg_server.h"

#define AGENTS 40
#define SECOND_US INT64_C(1000000)

typedef struct Cluster {
	PgServer primary, standby;
	FleetConsole console;
	Fleet fleet;
	char directory[64];
} Cluster;

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

/* Until everybody waits, and so many records were acknowledged. */
static bool works(Fleet *fleet, uint64_t more)
{
	uint64_t before = acked(fleet);

	for (int i = 0; i < 400; i++) {
		run(fleet, SECOND_US / 10);
		if (fleet->waiting == fleet->count && acked(fleet) >= before + more)
			return true;
	}
	fprintf(stderr, "%u of %u agents wait, %llu more records\n", fleet->waiting, fleet->count,
		(unsigned long long)(acked(fleet) - before));
	return false;
}

static void begin(Cluster *cluster)
{
	/* Acknowledged means: on two disks. */
	static const char *const primary[] = {
		"fsync=on", "synchronous_commit=on", "synchronous_standby_names=*", NULL};
	static const char *const standby[] = {"fsync=on", "hot_standby=on", NULL};
	static const char *const alone[] = {"fsync=on", NULL};
	char url[512], keys[96];
	FleetOfficer officer;

	pg_server_start(&cluster->primary, alone);
	pg_server_follow(&cluster->standby, &cluster->primary, standby);
	pg_server_restart(&cluster->primary, primary);
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
	Fleet *fleet = &cluster->fleet;
	uint64_t before;

	pg_server_stop(&cluster->primary, SIGQUIT);
	/* Nobody is told yes while there is no primary. */
	run(fleet, SECOND_US);
	before = acked(fleet);
	run(fleet, SECOND_US);
	if (acked(fleet) != before) {
		fputs("records were acknowledged without a database\n", stderr);
		return false;
	}
	pg_server_promote(&cluster->standby);
	if (!works(fleet, 2 * AGENTS))
		return false;
	printf("failover: %llu records acknowledged\n", (unsigned long long)acked(fleet));
	return fleet_console_check(&cluster->console, fleet) == 0;
}

static bool lose_console(Cluster *cluster)
{
	fleet_console_stop(&cluster->console, SIGKILL);
	run(&cluster->fleet, SECOND_US / 2);
	fleet_console_start(&cluster->console);
	return works(&cluster->fleet, AGENTS) && fleet_console_check(&cluster->console, &cluster->fleet) == 0;
}

int main(void)
{
	Cluster cluster = {.directory = ""};
	bool good;

	if (sk_crypt_init() < 0)
		return 1;
	if (!pg_server_is_there()) {
		puts("no PostgreSQL");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	begin(&cluster);
	good = works(&cluster.fleet, 2 * AGENTS) && fail_over(&cluster) && lose_console(&cluster) &&
	       cluster.fleet.refused == 0;
	printf("%llu records acknowledged, %llu answers refused\n", (unsigned long long)acked(&cluster.fleet),
		(unsigned long long)cluster.fleet.refused);
	fleet_deinit(&cluster.fleet);
	fleet_console_stop(&cluster.console, SIGTERM);
	pg_server_free(&cluster.primary);
	pg_server_free(&cluster.standby);
	nftw(cluster.directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	puts(good ? "ok" : "failed");
	return good ? 0 : 1;
}
