/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A console that revokes and renews is killed at random moments, again and again. After each start: what was
 * revoked and committed is dead, everything else opens as before, one key and one state are left, nothing is
 * unconfirmed.
 *
 *	console_keys_kill [ROUNDS [tpm]]
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "console/keys/renew.h"
#include "lib/base/str.h"
#include "tests/lib/keys_fixture.h"
#include "tests/lib/swtpm.h"

#define MEDIA 60
#define ROUNDS 25

static Swtpm chip;
static uint8_t before[MEDIA][SK_OPRF_OUTPUT_SIZE];

static void require(bool condition, const char *what, unsigned round)
{
	if (condition)
		return;
	fprintf(stderr, "round %u: %s\n", round, what);
	abort();
}

static void work(KeysFixture *fixture)
{
	keys_fixture_reopen_db(fixture);
	keys_fixture_open_vault(fixture);
	if (sk_epoch_apply(fixture->db, fixture->vault, NULL) < 0 ||
		sk_renew_run(fixture->db, fixture->vault) < 0)
		_exit(3);
	for (unsigned i = 0;; i++) {
		int64_t alive;
		uint8_t output[SK_OPRF_OUTPUT_SIZE];
		unsigned medium = (unsigned)rand() % MEDIA;

		if (sk_db_query_int(fixture->db, "SELECT COUNT(*) FROM medium_keys WHERE state = 'live'",
			    SK_DB_NO_ARGS, &alive) < 0)
			_exit(3);
		if (i % 3 == 2 && sk_renew_start(fixture->db, fixture->vault, KEYS_PERSON, "") == 0 &&
			sk_renew_run(fixture->db, fixture->vault) < 0)
			_exit(3);
		if (i % 3 == 0 && alive > MEDIA / 3 &&
			keys_fixture_ask(fixture->db, fixture->vault, medium, output) == 0)
			keys_fixture_revoke(fixture, medium);
	}
}

static void run_and_kill(KeysFixture *fixture, unsigned seed)
{
	struct timespec pause = {.tv_nsec = (long)(rand() % 120) * 1000000};
	pid_t child = fork();
	int status;

	if (child == 0) {
		srand(seed);
		work(fixture);
	}
	require(child > 0, "fork", seed);
	nanosleep(&pause, NULL);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	require(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the console gave up", seed);
}

/* The kernel's driver forgets what a process that died had in the chip; here nobody stands between. */
static void power_cycle(unsigned round)
{
	swtpm_power_off(&chip);
	require(swtpm_power_on(&chip) == 0, "swtpm", round);
}

static bool is_alive(SkDb *db, unsigned medium)
{
	int64_t count = 0;
	char id[27];

	keys_fixture_medium_id(medium, id);
	if (sk_db_query_int(db, "SELECT COUNT(*) FROM medium_keys WHERE medium_id = $1 AND state = 'live'",
		    SK_DB_ARGS(sk_db_text(id)), &count) < 0)
		abort();
	return count == 1;
}

static unsigned count_files(const KeysFixture *fixture, const char *suffix)
{
	char path[128];
	unsigned count = 0;
	struct dirent *entry;
	DIR *directory;

	keys_fixture_path(fixture, "keys", path);
	directory = opendir(path);
	while (directory && (entry = readdir(directory)) != NULL)
		count += strstr(entry->d_name, suffix) != NULL;
	if (directory)
		closedir(directory);
	return count;
}

static unsigned check(KeysFixture *fixture, unsigned round)
{
	unsigned alive = 0;
	int64_t unconfirmed;

	keys_fixture_reopen_db(fixture);
	keys_fixture_open_vault(fixture);
	require(sk_epoch_apply(fixture->db, fixture->vault, NULL) == 0, "apply", round);
	require(sk_renew_run(fixture->db, fixture->vault) == 0, "renew", round);
	for (unsigned i = 0; i < MEDIA; i++) {
		uint8_t output[SK_OPRF_OUTPUT_SIZE];
		int r = keys_fixture_ask(fixture->db, fixture->vault, i, output);

		if (is_alive(fixture->db, i)) {
			require(r == 0 && memcmp(output, before[i], sizeof(output)) == 0, "a living medium",
				round);
			alive++;
		} else {
			require(r == -EKEYREVOKED, "a dead medium", round);
		}
	}
	require(count_files(fixture, keys_fixture_tpm ? ".cell" : ".key") == 1 &&
			count_files(fixture, ".state") == 1,
		"files are left", round);
	require(sk_db_query_int(fixture->db, "SELECT COUNT(*) FROM epochs WHERE destroyed IS NULL",
			SK_DB_NO_ARGS, &unconfirmed) == 0 &&
			unconfirmed == 0,
		"an epoch is unconfirmed", round);
	keys_fixture_close_vault(fixture);
	sk_db_free(own_take(fixture->db));
	return alive;
}

int main(int argc, char **argv)
{
	uint64_t rounds = ROUNDS;
	KeysFixture fixture;
	unsigned alive = MEDIA;

	if (argc > 1 && sk_num_parse(argv[1], 10, 100000, &rounds) < 0)
		return 2;
	srand((unsigned)time(NULL));
	if (argc > 2) {
		require(swtpm_start(&chip) == 0, "swtpm", 0);
		keys_fixture_tpm = chip.where;
	}
	keys_fixture_open(&fixture, NULL);
	keys_fixture_add_media(&fixture, 0, MEDIA);
	for (unsigned i = 0; i < MEDIA; i++)
		require(keys_fixture_ask(fixture.db, fixture.vault, i, before[i]) == 0, "ask", 0);
	keys_fixture_close_vault(&fixture);
	sk_db_free(own_take(fixture.db));
	for (unsigned round = 1; round <= rounds; round++) {
		run_and_kill(&fixture, round);
		if (keys_fixture_tpm)
			power_cycle(round);
		alive = check(&fixture, round);
	}
	printf("%u rounds, %u of %u media alive\n", (unsigned)rounds, alive, MEDIA);
	require(alive < MEDIA, "nothing was revoked", 0);
	keys_fixture_open_vault(&fixture);
	keys_fixture_free(&fixture);
	if (keys_fixture_tpm)
		swtpm_end(&chip);
	return 0;
}
