/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a revocation is worth: the database is backed up, a medium revoked, the backup restored. The medium
 * stays dead, the others live. On SQLite, and on a PostgreSQL of the test's own with several holders of the
 * vault.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/io.h"
#include "lib/base/str.h"
#include "tests/lib/keys_fixture.h"
#include "tests/lib/pg_server.h"
#include "tests/lib/swtpm.h"

#define MEDIA 20

static PgServer server;

static void run(const char *format, const char *a, const char *b)
{
	char command[1024];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(command, sizeof(command), format, a, b);
#pragma GCC diagnostic pop
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

static void backup_path(const KeysFixture *fixture, char ret_path[128])
{
	keys_fixture_path(fixture, "backup", ret_path);
}

static void make_backup(KeysFixture *fixture)
{
	char path[128];

	backup_path(fixture, path);
	if (sk_db_engine(fixture->db) == SK_DB_SQLITE) {
		sk_db_free(own_take(fixture->db));
		run("cp %s/db %s", fixture->directory, path);
		keys_fixture_reopen_db(fixture);
	} else {
		run("pg_dump --clean -d '%s' > %s", fixture->where, path);
	}
}

static void restore_backup(KeysFixture *fixture)
{
	char path[128];

	backup_path(fixture, path);
	if (sk_db_engine(fixture->db) == SK_DB_SQLITE) {
		sk_db_free(own_take(fixture->db));
		run("rm -f %s/db-wal %s/db-shm", fixture->directory, fixture->directory);
		run("cp %s %s/db", path, fixture->directory);
	} else {
		sk_db_free(own_take(fixture->db));
		run("psql -q -v ON_ERROR_STOP=1 -d '%s' -f %s > /dev/null", fixture->where, path);
	}
	keys_fixture_reopen_db(fixture);
}

static void remember(KeysFixture *fixture, uint8_t outputs[MEDIA][SK_OPRF_OUTPUT_SIZE])
{
	for (unsigned i = 0; i < MEDIA; i++)
		assert_int_equal(keys_fixture_ask(fixture->db, fixture->vault, i, outputs[i]), 0);
}

static void assert_opens(KeysFixture *fixture, unsigned medium, uint8_t outputs[MEDIA][SK_OPRF_OUTPUT_SIZE])
{
	uint8_t output[SK_OPRF_OUTPUT_SIZE];

	assert_int_equal(keys_fixture_ask(fixture->db, fixture->vault, medium, output), 0);
	assert_memory_equal(output, outputs[medium], sizeof(output));
}

static void assert_dead(KeysFixture *fixture, unsigned medium)
{
	uint8_t output[SK_OPRF_OUTPUT_SIZE];

	assert_int_equal(keys_fixture_ask(fixture->db, fixture->vault, medium, output), -EKEYREVOKED);
}

/* state: the sealed files of epochs that the directory of the vault holds. */
static unsigned count_files(KeysFixture *fixture, const char *suffix)
{
	char path[128];
	unsigned count = 0;
	struct dirent *entry;
	DIR *directory;

	keys_fixture_path(fixture, "keys", path);
	directory = opendir(path);
	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL)
		count += strstr(entry->d_name, suffix) != NULL;
	closedir(directory);
	return count;
}

static void revoke_and_restore(const char *where)
{
	uint8_t outputs[MEDIA][SK_OPRF_OUTPUT_SIZE];
	KeysFixture fixture;
	SkEpochNews news;
	int64_t dead;

	keys_fixture_open(&fixture, where);
	keys_fixture_add_media(&fixture, 0, MEDIA);
	remember(&fixture, outputs);
	make_backup(&fixture);

	assert_int_equal(keys_fixture_revoke(&fixture, 7), 2);
	assert_int_equal(keys_fixture_revoke(&fixture, 11), 3);
	assert_dead(&fixture, 7);
	assert_opens(&fixture, 8, outputs);
	assert_int_equal(count_files(&fixture, keys_fixture_tpm ? ".cell" : ".key"), 1);
	assert_int_equal(count_files(&fixture, ".state"), 1);

	restore_backup(&fixture);
	/* The wraps of the dead are back, and worth nothing, even before the console has noticed. */
	assert_dead(&fixture, 7);
	keys_fixture_close_vault(&fixture);
	keys_fixture_open_vault(&fixture);
	assert_int_equal(sk_epoch_apply(fixture.db, fixture.vault, &news), 0);
	assert_int_equal(news.restored, 3);
	assert_int_equal(news.dead, 2);
	assert_dead(&fixture, 7);
	assert_dead(&fixture, 11);
	for (unsigned i = 0; i < MEDIA; i++)
		if (i != 7 && i != 11)
			assert_opens(&fixture, i, outputs);
	assert_int_equal(sk_db_query_int(fixture.db, "SELECT COUNT(*) FROM epoch_cuts WHERE epoch = 3",
				 SK_DB_NO_ARGS, &dead),
		0);
	assert_int_equal(dead, 2);

	/* Life goes on: new media, further revocations, and the backup once more. */
	keys_fixture_add_media(&fixture, MEDIA, 1);
	assert_int_equal(keys_fixture_revoke(&fixture, 3), 4);
	assert_dead(&fixture, 3);
	assert_opens(&fixture, 4, outputs);
	restore_backup(&fixture);
	assert_int_equal(sk_epoch_apply(fixture.db, fixture.vault, &news), 0);
	assert_int_equal(news.dead, 3);
	assert_dead(&fixture, 3);
	assert_opens(&fixture, 4, outputs);
	keys_fixture_free(&fixture);
}

static void a_revoked_medium_stays_dead_on_sqlite(void **state)
{
	revoke_and_restore(NULL);
}

static void a_revoked_medium_stays_dead_on_postgresql(void **state)
{
	if (!pg_server_is_there())
		skip();
	pg_server_start(&server, NULL);
	revoke_and_restore(server.url);
	pg_server_free(&server);
}

static void a_revoked_medium_stays_dead_with_a_tpm(void **state)
{
	Swtpm chip;

	assert_int_equal(swtpm_start(&chip), 0);
	keys_fixture_tpm = chip.where;
	revoke_and_restore(NULL);
	keys_fixture_tpm = NULL;
	swtpm_end(&chip);
}

/* Who keeps a copy of the whole directory of keys from before has a sealed file, and the key to it: that is
 * why it is never part of a backup. Who keeps only the state has nothing. */
static void an_old_state_without_its_key_is_noise(void **state)
{
	uint8_t outputs[MEDIA][SK_OPRF_OUTPUT_SIZE];
	KeysFixture fixture;
	SkVault *vault = NULL;
	SkKeystore *keystore;
	char keys[128];

	keys_fixture_open(&fixture, NULL);
	keys_fixture_add_media(&fixture, 0, MEDIA);
	remember(&fixture, outputs);
	run("cp %s/keys/epoch-1.state %s/kept", fixture.directory, fixture.directory);
	keys_fixture_revoke(&fixture, 7);
	keys_fixture_close_vault(&fixture);
	run("rm %s/keys/epoch-2.state %s/db", fixture.directory, fixture.directory);
	run("mv %s/kept %s/keys/epoch-1.state", fixture.directory, fixture.directory);
	keys_fixture_path(&fixture, "keys", keys);
	keystore = keys_fixture_keystore(&fixture, "keys");
	assert_int_equal(sk_vault_open(keys, keystore, &vault), -ENOKEY);
	assert_null(vault);
	sk_keystore_free(keystore);
	keys_fixture_free(&fixture);
}

static void two_processes_do_not_share_a_vault(void **state)
{
	KeysFixture fixture;
	SkVault *second = NULL;
	SkKeystore *keystore;
	char keys[128];

	keys_fixture_open(&fixture, NULL);
	keys_fixture_path(&fixture, "keys", keys);
	keystore = keys_fixture_keystore(&fixture, "keys");
	assert_int_equal(sk_vault_open(keys, keystore, &second), -EBUSY);
	assert_int_equal(sk_vault_create(keys, keystore, &second), -EBUSY);
	sk_keystore_free(keystore);
	keys_fixture_free(&fixture);
}

static void a_database_of_another_vault_is_refused(void **state)
{
	KeysFixture first, second;

	keys_fixture_open(&first, NULL);
	keys_fixture_open(&second, NULL);
	assert_int_equal(sk_epoch_apply(first.db, second.vault, NULL), -EXDEV);
	keys_fixture_free(&first);
	keys_fixture_free(&second);
}

static void others_may_not_enter_the_directory_of_keys(void **state)
{
	KeysFixture fixture;
	SkKeystore *keystore;
	char keys[128], words[160];

	keys_fixture_open(&fixture, NULL);
	keys_fixture_path(&fixture, "keys", keys);
	sk_str_format(words, sizeof(words), "file:%s", keys);
	assert_int_equal(chmod(keys, 0750), 0);
	assert_int_equal(sk_keystore_open(words, &keystore), -EPERM);
	assert_int_equal(sk_keystore_open("paper:/x", &keystore), -EINVAL);
	assert_int_equal(chmod(keys, 0700), 0);
	keys_fixture_free(&fixture);
}

/* A wrap that was moved to another row of the database opens nothing. */
static void wraps_are_bound_to_their_row(void **state)
{
	uint8_t output[SK_OPRF_OUTPUT_SIZE];
	KeysFixture fixture;
	char zero[27], one[27];

	keys_fixture_open(&fixture, NULL);
	keys_fixture_add_media(&fixture, 0, 2);
	keys_fixture_medium_id(0, zero);
	keys_fixture_medium_id(1, one);
	assert_int_equal(sk_db_exec(fixture.db,
				 "UPDATE medium_keys SET wrapped = (SELECT wrapped FROM medium_keys WHERE "
				 "medium_id = $1)"
				 " WHERE medium_id = $2",
				 SK_DB_ARGS(sk_db_text(zero), sk_db_text(one)), NULL),
		0);
	assert_int_equal(keys_fixture_ask(fixture.db, fixture.vault, 1, output), -EBADMSG);
	keys_fixture_free(&fixture);
}

static int ask_once(
	KeysFixture *fixture, const SkKeyLimits *limits, const char *terminal, const char **ret_limited)
{
	own_oprf_question SkOprfQuestion *question = NULL;
	SkKeyUse use = {.terminal_id = terminal, .person_id = KEYS_PERSON};
	SkOprfAnswer answer;
	char id[27];
	int r;

	keys_fixture_medium_id(0, id);
	use.medium_id = id;
	assert_int_equal(sk_oprf_ask(SK_OPRF_VERIFIABLE, "p", 1, NULL, &question), 0);
	memcpy(use.blinded, sk_oprf_question_blinded(question), sizeof(use.blinded));
	r = sk_medium_key_evaluate(fixture->db, fixture->vault, limits, &use, &answer);
	*ret_limited = use.limited;
	return r;
}

static void guesses_are_counted_and_limited(void **state)
{
	SkKeyLimits limits = {{5, 100}, {3, 100}, {100, 100}};
	const char *limited = NULL;
	KeysFixture fixture;

	keys_fixture_open(&fixture, NULL);
	keys_fixture_add_media(&fixture, 0, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask_once(&fixture, &limits, "t1", &limited), 0);
	assert_int_equal(ask_once(&fixture, &limits, "t1", &limited), -EDQUOT);
	assert_string_equal(limited, "terminal");
	/* What was refused did not count against the medium. */
	assert_int_equal(ask_once(&fixture, &limits, "t2", &limited), 0);
	assert_int_equal(ask_once(&fixture, &limits, "t2", &limited), 0);
	assert_int_equal(ask_once(&fixture, &limits, "t2", &limited), -EDQUOT);
	assert_string_equal(limited, "medium");
	limits.medium.per_hour = 100;
	limits.person.per_day = 5;
	assert_int_equal(ask_once(&fixture, &limits, "t3", &limited), -EDQUOT);
	assert_string_equal(limited, "person");
	/* A limit of its own goes before the facility's. */
	assert_int_equal(
		sk_db_exec(fixture.db,
			"INSERT INTO key_limits (subject_kind, subject_id, facility_id, per_hour, per_day)"
			" VALUES ('person', $1, $2, 6, 6)",
			SK_DB_ARGS(sk_db_text(KEYS_PERSON), sk_db_text(KEYS_FACILITY)), NULL),
		0);
	assert_int_equal(ask_once(&fixture, &limits, "t3", &limited), 0);
	assert_int_equal(sk_medium_key_forget_counts(fixture.db), 0);
	assert_int_equal(ask_once(&fixture, &limits, "t3", &limited), -EDQUOT);
	keys_fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_revoked_medium_stays_dead_on_sqlite),
		cmocka_unit_test(a_revoked_medium_stays_dead_on_postgresql),
		cmocka_unit_test(a_revoked_medium_stays_dead_with_a_tpm),
		cmocka_unit_test(an_old_state_without_its_key_is_noise),
		cmocka_unit_test(two_processes_do_not_share_a_vault),
		cmocka_unit_test(a_database_of_another_vault_is_refused),
		cmocka_unit_test(others_may_not_enter_the_directory_of_keys),
		cmocka_unit_test(wraps_are_bound_to_their_row),
		cmocka_unit_test(guesses_are_counted_and_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
