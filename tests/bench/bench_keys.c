/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys: evaluations of the oblivious function per second on one core, and how long it takes among 100,000
 * media to destroy one and to wrap all anew, on SQLite and on a PostgreSQL of the program's own.
 *
 *	bench_keys [MEDIA]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "console/keys/renew.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "tests/lib/keys_fixture.h"
#include "tests/lib/pg_server.h"

#define MEDIA_DEFAULT 100000
#define SECONDS 2.0

/* What one core does in a second, whatever else the machine is doing. */
static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* goal: at least, or, below 0, at most that much. 0: measured, not promised. */
static void print(const char *id, double value, const char *unit, double goal)
{
	bool met = goal > 0 ? value >= goal : value <= -goal;
	char text[32];

	sk_str_format(
		text, sizeof(text), "\"%s %.0f\"", goal > 0 ? "at least" : "below", goal > 0 ? goal : -goal);
	printf("{\"id\":\"keys.%s\",\"value\":%.3f,\"unit\":\"%s\",\"peer\":null,\"peer_value\":null,"
	       "\"ratio\":null,"
	       "\"goal\":%s,\"met\":%s}\n",
		id, value, unit, goal == 0 ? "null" : text,
		goal == 0 ? "null"
		: met	  ? "true"
			  : "false");
	fflush(stdout);
}

static void measure_evaluations(SkOprfMode mode, const char *id, double goal)
{
	own_oprf_question SkOprfQuestion *question = NULL;
	own_secret SkSecret *key = NULL;
	uint8_t public_key[SK_OPRF_ELEMENT_SIZE];
	unsigned count = 0;
	SkOprfAnswer answer;
	double begin;

	if (sk_oprf_key_new(&key, public_key) < 0 || sk_oprf_ask(mode, "passphrase", 10, NULL, &question) < 0)
		abort();
	for (begin = cpu(); cpu() - begin < SECONDS; count++)
		if (sk_oprf_evaluate(mode, key, sk_oprf_question_blinded(question), &answer) < 0)
			abort();
	print(id, count / (cpu() - begin), "evaluations/s", goal);
}

/* All that a console does for one question, with counting in the database. */
static void measure_questions(KeysFixture *fixture, const char *id)
{
	uint8_t output[SK_OPRF_OUTPUT_SIZE];
	unsigned count = 0;
	double begin = now();

	for (; now() - begin < SECONDS; count++)
		if (keys_fixture_ask(fixture->db, fixture->vault, 1, output) < 0)
			abort();
	print(id, count / (now() - begin), "questions/s", 0);
}

static void measure_database(const char *where, const char *engine, unsigned media)
{
	char id[64];
	KeysFixture fixture;
	double begin, begin_cpu;

	keys_fixture_open(&fixture, where);
	for (unsigned i = 0; i < media; i += 5000)
		keys_fixture_add_media(&fixture, i, media - i < 5000 ? media - i : 5000);
	sk_str_format(id, sizeof(id), "ask-%s", engine);
	measure_questions(&fixture, id);
	begin = now();
	keys_fixture_revoke(&fixture, 0);
	sk_str_format(id, sizeof(id), "revoke-one-of-%u-%s", media, engine);
	print(id, now() - begin, "s", -5);
	begin = now();
	begin_cpu = cpu();
	if (sk_renew_start(fixture.db, fixture.vault, KEYS_PERSON, "") < 0 ||
		sk_renew_run(fixture.db, fixture.vault) < 0)
		abort();
	sk_str_format(id, sizeof(id), "rewrap-%u-%s", media, engine);
	print(id, now() - begin, "s", -5);
	printf("  of which %.1f s of this process's processor time\n", cpu() - begin_cpu);
	keys_fixture_free(&fixture);
}

int main(int argc, char **argv)
{
	uint64_t media = MEDIA_DEFAULT;
	PgServer server;

	if (argc > 1 && sk_num_parse(argv[1], 10, 1000000, &media) < 0)
		return 2;
	if (sk_crypt_init() < 0)
		return 1;
	measure_evaluations(SK_OPRF_VERIFIABLE, "evaluate", 2000);
	measure_evaluations(SK_OPRF_BASE, "evaluate-base-mode", 0);
	measure_database(NULL, "sqlite", (unsigned)media);
	if (!pg_server_is_there())
		return 0;
	pg_server_start(&server, NULL);
	measure_database(server.url, "postgresql", (unsigned)media);
	pg_server_free(&server);
	return 0;
}
