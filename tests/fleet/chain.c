/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of an agent as lib/audit writes it, kept in memory until the console has it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audit/clock.h"
#include "lib/audit/line.h"
#include "lib/base/str.h"
#include "tests/fleet/fleet.h"

#define LINE_MAX_HERE 2048

static void keep(FleetAgent *agent, const char *line, size_t size)
{
	agent->lines = realloc(agent->lines, agent->lines_size + size + 1);
	if (!agent->lines)
		abort();
	memcpy(agent->lines + agent->lines_size, line, size);
	agent->lines[agent->lines_size + size] = '\n';
	agent->lines_size += size + 1;
	sk_line_hash(agent->hash, line, size);
	agent->seq++;
}

static size_t format(FleetAgent *agent, char line[LINE_MAX_HERE], const char *kind, const char *body)
{
	SkLineFields fields = {.seq = agent->seq + 1,
		.prev = agent->seq > 0 ? agent->hash : SK_HASH_NONE,
		.actor = "\"sekishod\"",
		.kind = kind,
		.body = body};
	int size;

	sk_audit_clock_now(agent->fleet->boot, &fields.time);
	size = sk_line_format(line, LINE_MAX_HERE, &fields);
	if (size < 0)
		abort();
	return (size_t)size;
}

static void seal(FleetAgent *agent)
{
	own_ratchet SkRatchet *ratchet = NULL;
	char line[LINE_MAX_HERE], body[160];
	size_t size;

	if (sk_ratchet_new(agent->ratchet, agent->epoch, &ratchet) < 0 ||
		!sk_seal_format_body(body, sizeof(body), agent->epoch))
		abort();
	size = format(agent, line, SK_KIND_SEAL, body);
	if (sk_seal_fill(line, size, ratchet) < 0)
		abort();
	keep(agent, line, size);
	sk_ratchet_step(ratchet);
	memcpy(agent->ratchet, sk_ratchet_key(ratchet), sizeof(agent->ratchet));
	agent->epoch++;
	agent->unsealed = 0;
}

void fleet_chain_append(FleetAgent *agent)
{
	char line[LINE_MAX_HERE], body[512];

	if (agent->seq == 0)
		sk_random_fill(agent->ratchet, sizeof(agent->ratchet));
	sk_str_format(body, sizeof(body),
		"{\"device\":\"1-%u\",\"verdict\":\"refused\",\"rule\":\"R%u\",\"code\":\"SK-1203\","
		"\"vendor\":"
		"\"0951\",\"product\":\"1666\",\"serial\":\"E0D55EA573E3F%08llX\",\"name\":\"DataTraveler "
		"3.0\",\"hash\":\"pLb8Q0mV3Kxb1yqQy7gkQW0aFvW0Yx1m7nB2o3c4d5E=\"}",
		agent->number % 8 + 1, agent->number % 40 + 1, (unsigned long long)agent->seq);
	keep(agent, line, format(agent, line, "device.decided", body));
	if (++agent->unsealed >= SK_AUDIT_SEAL_EVERY)
		seal(agent);
}
