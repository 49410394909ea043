/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one agent does once it is enrolled: agent/uplink/link.c, status.c and records.c in small. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "tests/fleet/fleet.h"

#define AGENT_OF(timer, member) ((FleetAgent *)(void *)((char *)(timer)-offsetof(FleetAgent, member)))
#define MOST_DELAY_US 60000000

int64_t fleet_random(int64_t below)
{
	uint64_t random;

	sk_random_fill(&random, sizeof(random));
	return below > 0 ? (int64_t)(random % (uint64_t)below) : 0;
}

/* Doubling up to a limit, and anywhere below it. */
static int64_t delay_us(const FleetAgent *agent, FleetKind kind)
{
	const unsigned failures = agent->failures[kind];
	int64_t most = agent->fleet->rhythm.retry_us << (failures < 10 ? failures : 10);

	return fleet_random(most < MOST_DELAY_US ? most : MOST_DELAY_US);
}

/* Was it done? Counts it; what is not an answer to the call comes again later. */
static bool note(FleetAgent *agent, FleetKind kind, const FleetAnswer *answer)
{
	Fleet *fleet = agent->fleet;

	if (answer->result < 0 || answer->status == 429 || answer->status >= 500) {
		fleet->failed[kind]++;
		agent->failures[kind]++;
		return false;
	}
	fleet->answers[kind]++;
	agent->failures[kind] = 0;
	if (kind != FLEET_WAIT)
		fleet_stats_add(&fleet->took[kind], answer->took_us);
	if (answer->status >= 400) {
		if (fleet->refused++ == 0)
			fprintf(stderr, "refused: %u %s\n", answer->status, answer->body);
		return false;
	}
	return true;
}

static void work(FleetAgent *agent);
static void wait_on(FleetAgent *agent);

static void on_status(void *userdata, const FleetAnswer *answer)
{
	FleetAgent *agent = userdata;

	/* The next one is newer: nothing is lost. */
	(void)note(agent, FLEET_STATUS, answer);
	work(agent);
}

static void send_status(FleetAgent *agent)
{
	char body[512];

	agent->status_wanted = false;
	sk_str_format(body, sizeof(body),
		"{\"version\":\"0.1.0\",\"mode\":\"enforce\",\"monitor\":true,\"scanner\":\"ready\","
		"\"definitionsTime\":1795327326,\"recordsWork\":true,\"lastRecord\":%llu,\"freeBytes\":%llu,"
		"\"rules\":42,\"clock\":\"synchronised\",\"devices\":%u,\"media\":0,\"screenLocked\":false}",
		(unsigned long long)agent->seq, 50000000000ull + (unsigned long long)fleet_random(1000000000),
		agent->number % 10);
	fleet_conn_call(agent->work, &(FleetCall){.method = "PUT",
					     .path = "/api/v1/agent/status",
					     .body = body,
					     .size = strlen(body),
					     .done = on_status,
					     .userdata = agent});
}

/* {outcome, seq, hash}: what the console says that it has. */
static void read_receipt(FleetAgent *agent, const FleetAnswer *answer)
{
	json_auto_t *object = json_loadb(answer->body, answer->size, 0, NULL);
	const char *outcome = NULL, *hash = NULL;
	json_int_t seq = 0;

	if (json_unpack(object, "{s:s, s:I, s:s}", "outcome", &outcome, "seq", &seq, "hash", &hash) < 0 ||
		!sk_str_eq(outcome, "taken") || (uint64_t)seq != agent->seq ||
		!sk_str_eq(hash, agent->hash)) {
		if (agent->fleet->refused++ == 0)
			fprintf(stderr, "agent %u at %llu: %s\n", agent->number,
				(unsigned long long)agent->seq, answer->body);
		return;
	}
	agent->acked = (uint64_t)seq;
	sk_str_copy(agent->acked_hash, sizeof(agent->acked_hash), hash);
	free(own_take(agent->lines));
	agent->lines_size = 0;
}

static void on_records(void *userdata, const FleetAnswer *answer)
{
	FleetAgent *agent = userdata;

	agent->sending = false;
	if (note(agent, FLEET_RECORDS, answer))
		read_receipt(agent, answer);
	/* What was not taken comes with the next record. */
	else if (!agent->records_due.armed || agent->failures[FLEET_RECORDS] > 0)
		fleet_timer_arm(&agent->fleet->loop, &agent->records_due, delay_us(agent, FLEET_RECORDS));
	work(agent);
}

static void send_records(FleetAgent *agent)
{
	agent->sending = true;
	fleet_conn_call(agent->work, &(FleetCall){.method = "POST",
					     .path = "/api/v1/agent/records",
					     .type = "application/x-ndjson",
					     .body = agent->lines,
					     .size = agent->lines_size,
					     .done = on_records,
					     .userdata = agent});
}

static void begin_records(FleetAgent *agent)
{
	agent->records_wanted = false;
	if (!agent->lines)
		fleet_chain_append(agent);
	send_records(agent);
}

/* One call after the other on the second connection. Records first: a heartbeat is due again soon. */
static void work(FleetAgent *agent)
{
	if (fleet_conn_is_busy(agent->work))
		return;
	if (agent->records_wanted)
		begin_records(agent);
	else if (agent->status_wanted)
		send_status(agent);
}

static void on_status_due(FleetTimer *timer)
{
	FleetAgent *agent = AGENT_OF(timer, status_due);

	fleet_timer_arm(&agent->fleet->loop, timer, agent->fleet->rhythm.status_us);
	agent->status_wanted = true;
	work(agent);
}

static void on_records_due(FleetTimer *timer)
{
	FleetAgent *agent = AGENT_OF(timer, records_due);

	fleet_timer_arm(&agent->fleet->loop, timer, fleet_random(2 * agent->fleet->rhythm.record_us));
	/* A batch that is under way, or was not taken yet, goes first. */
	if (agent->sending)
		return;
	agent->records_wanted = true;
	work(agent);
}

static void on_reported(void *userdata, const FleetAnswer *answer)
{
	FleetAgent *agent = userdata;

	if (note(agent, FLEET_STATE, answer))
		wait_on(agent);
	else
		fleet_timer_arm(&agent->fleet->loop, &agent->wait_again, delay_us(agent, FLEET_STATE));
}

static void report(FleetAgent *agent)
{
	char body[96];

	sk_str_format(body, sizeof(body), "{\"revision\":%lld,\"results\":[]}", (long long)agent->revision);
	fleet_conn_call(agent->wait, &(FleetCall){.method = "PUT",
					     .path = "/api/v1/agent/state",
					     .body = body,
					     .size = strlen(body),
					     .done = on_reported,
					     .userdata = agent});
}

static void on_waited(void *userdata, const FleetAnswer *answer)
{
	FleetAgent *agent = userdata;
	Fleet *fleet = agent->fleet;
	json_auto_t *object = NULL;
	json_int_t revision = 0;

	fleet->waiting--;
	if (!note(agent, FLEET_WAIT, answer)) {
		fleet_timer_arm(&fleet->loop, &agent->wait_again, delay_us(agent, FLEET_WAIT));
		return;
	}
	object = json_loadb(answer->body, answer->size, 0, NULL);
	if (json_unpack(object, "{s:I}", "revision", &revision) < 0)
		abort();
	if (revision == agent->revision) {
		wait_on(agent);
		return;
	}
	if (fleet->wake_us > 0 && agent->revision > 0)
		fleet_stats_add(&fleet->woken, fleet_now_us() - fleet->wake_us);
	agent->revision = revision;
	report(agent);
}

static void wait_on(FleetAgent *agent)
{
	char path[96];

	sk_str_format(path, sizeof(path), "/api/v1/agent/wait?revision=%lld", (long long)agent->revision);
	agent->fleet->waiting++;
	fleet_conn_call(agent->wait,
		&(FleetCall){.method = "GET", .path = path, .done = on_waited, .userdata = agent});
}

static void on_wait_again(FleetTimer *timer)
{
	wait_on(AGENT_OF(timer, wait_again));
}

void fleet_agent_start(FleetAgent *agent, int64_t us_from_now)
{
	Fleet *fleet = agent->fleet;
	FleetPeer peer = fleet->peer;

	peer.certificate = agent->certificate;
	peer.key = agent->key;
	agent->wait = fleet_conn_new(&fleet->loop, &peer);
	agent->work = fleet_conn_new(&fleet->loop, &peer);
	agent->status_due.fn = on_status_due;
	agent->records_due.fn = on_records_due;
	agent->wait_again.fn = on_wait_again;
	fleet_timer_arm(&fleet->loop, &agent->wait_again, us_from_now);
	fleet_timer_arm(
		&fleet->loop, &agent->status_due, us_from_now + fleet_random(fleet->rhythm.status_us));
	fleet_timer_arm(
		&fleet->loop, &agent->records_due, us_from_now + fleet_random(2 * fleet->rhythm.record_us));
}

void fleet_agent_stop(FleetAgent *agent)
{
	FleetLoop *loop = &agent->fleet->loop;

	fleet_conn_free(own_take(agent->wait));
	fleet_conn_free(own_take(agent->work));
	fleet_timer_disarm(loop, &agent->status_due);
	fleet_timer_disarm(loop, &agent->records_due);
	fleet_timer_disarm(loop, &agent->wait_again);
	agent->sending = agent->status_wanted = agent->records_wanted = false;
}
