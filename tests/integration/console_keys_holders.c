/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several holders of one vault on one database, and renewals: who joins, who confirms, who was away. On a
 * PostgreSQL of the test's own where there is one, and on SQLite (two processes on one file do the same).
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/keys/handover.h"
#include "console/keys/renew.h"
#include "lib/base/str.h"
#include "tests/lib/keys_fixture.h"
#include "tests/lib/pg_server.h"

#define MEDIA 10

static uint8_t before[MEDIA][SK_OPRF_OUTPUT_SIZE];

typedef struct Second {
	SkDb *db;
	SkVault *vault;
	char path[128];
} Second;

typedef struct Admission {
	SkVault *vault;
	const char *instance, *fingerprint;
	SkSecret *home;
} Admission;

static int admit(SkDb *db, void *userdata)
{
	const Admission *admission = userdata;

	return sk_join_admit(db, admission->vault,
		&(SkAdmission){admission->instance, admission->fingerprint, KEYS_PERSON, admission->home});
}

static void join(KeysFixture *fixture, Second *second)
{
	char instance[SK_VAULT_ID_SIZE], fingerprint[SK_HANDOVER_FINGERPRINT_SIZE];
	own_join SkJoin *asking = NULL, *again = NULL;
	own_secret SkSecret *home = NULL, *came = NULL;
	SkKeystore *keystore = keys_fixture_keystore(fixture, "keys2");
	Admission admission = {fixture->vault, instance, "0000 0000 0000 0000 0000 0000 0000 0000"};

	keys_fixture_path(fixture, "keys2", second->path);
	assert_int_equal(sk_db_open(fixture->where, &second->db), 0);
	assert_int_equal(sk_vault_name_instance(second->path, instance), 0);
	keys_fixture_add_instance(second->db, instance);
	assert_int_equal(sk_join_ask(second->db, instance, &asking, fingerprint), 0);
	assert_int_equal(sk_join_take(second->db, asking, second->path, keystore, &second->vault), -EAGAIN);
	assert_int_equal(sk_db_transact(fixture->db, admit, &admission), -EKEYREJECTED);
	admission.fingerprint = fingerprint;
	assert_int_equal(sk_secret_new(5, &home), 0);
	memcpy(sk_secret_data(home), "house", 5);
	admission.home = home;
	assert_int_equal(sk_join_home(second->db, asking, &came), -EAGAIN);
	assert_int_equal(sk_db_transact(fixture->db, admit, &admission), 0);
	/* It ended before it had anything: what was sealed to it is closed for good, and it asks again. */
	sk_join_free(own_take(asking));
	assert_int_equal(sk_join_ask(second->db, instance, &asking, fingerprint), 0);
	assert_int_equal(sk_db_transact(fixture->db, admit, &admission), 0);
	assert_int_equal(sk_join_home(second->db, asking, &came), 0);
	assert_int_equal(sk_secret_size(came), 5);
	assert_memory_equal(sk_secret_data(came), "house", 5);
	assert_int_equal(sk_join_take(second->db, asking, second->path, keystore, &second->vault), 0);
	assert_int_equal(sk_epoch_apply(second->db, second->vault, NULL), 0);
	assert_int_equal(sk_handover_publish(second->db, second->vault), 0);
	assert_int_equal(sk_handover_publish(fixture->db, fixture->vault), 0);
	assert_int_equal(sk_join_ask(second->db, instance, &again, fingerprint), -EALREADY);
}

static void leave(Second *second)
{
	sk_vault_free(own_take(second->vault));
	sk_db_free(own_take(second->db));
}

static void open_again(KeysFixture *fixture, Second *second)
{
	sk_vault_free(own_take(second->vault));
	assert_int_equal(
		sk_vault_open(second->path, keys_fixture_keystore(fixture, "keys2"), &second->vault), 0);
}

static void remember(KeysFixture *fixture)
{
	keys_fixture_add_media(fixture, 0, MEDIA);
	for (unsigned i = 0; i < MEDIA; i++)
		assert_int_equal(keys_fixture_ask(fixture->db, fixture->vault, i, before[i]), 0);
}

static void assert_opens(SkDb *db, SkVault *vault, unsigned medium)
{
	uint8_t output[SK_OPRF_OUTPUT_SIZE];

	assert_int_equal(keys_fixture_ask(db, vault, medium, output), 0);
	assert_memory_equal(output, before[medium], sizeof(output));
}

static void assert_dead(SkDb *db, SkVault *vault, unsigned medium)
{
	uint8_t output[SK_OPRF_OUTPUT_SIZE];

	assert_int_equal(keys_fixture_ask(db, vault, medium, output), -EKEYREVOKED);
}

static bool is_destroyed(SkDb *db, uint64_t epoch)
{
	int64_t count;

	assert_int_equal(
		sk_db_query_int(db, "SELECT COUNT(*) FROM epochs WHERE number = $1 AND destroyed IS NOT NULL",
			SK_DB_ARGS(sk_db_int((int64_t)epoch)), &count),
		0);
	return count == 1;
}

static void two_holders(const char *where)
{
	KeysFixture fixture;
	Second second = {0};
	uint64_t epoch;

	keys_fixture_open(&fixture, where);
	remember(&fixture);
	join(&fixture, &second);
	assert_opens(second.db, second.vault, 3);

	/* The first revokes; only when the second confirmed, too, is the old key gone. */
	epoch = keys_fixture_revoke(&fixture, 3);
	assert_false(is_destroyed(fixture.db, epoch));
	/* The second still has the leaf, and nothing to open with it. */
	assert_dead(second.db, second.vault, 3);
	assert_int_equal(sk_epoch_apply(second.db, second.vault, NULL), 0);
	assert_true(is_destroyed(fixture.db, epoch));
	assert_int_equal(sk_vault_epoch(second.vault), epoch);

	/* The second is down during two revocations; at its start it makes up for them before it serves. */
	leave(&second);
	keys_fixture_revoke(&fixture, 4);
	epoch = keys_fixture_revoke(&fixture, 5);
	assert_false(is_destroyed(fixture.db, epoch));
	assert_int_equal(sk_db_open(fixture.where, &second.db), 0);
	open_again(&fixture, &second);
	assert_int_equal(sk_epoch_apply(second.db, second.vault, NULL), 0);
	assert_true(is_destroyed(fixture.db, epoch));
	assert_opens(second.db, second.vault, 6);
	assert_dead(second.db, second.vault, 5);
	leave(&second);
	keys_fixture_free(&fixture);
}

static void renewal_with_two(const char *where)
{
	KeysFixture fixture;
	Second second = {0};
	int64_t old;

	keys_fixture_open(&fixture, where);
	remember(&fixture);
	join(&fixture, &second);
	assert_int_equal(sk_renew_start(fixture.db, fixture.vault, KEYS_PERSON, "a copy may be out"), 0);
	assert_int_equal(sk_renew_start(fixture.db, fixture.vault, KEYS_PERSON, "again"), -EBUSY);
	assert_int_equal(sk_renew_run(fixture.db, fixture.vault), -EINPROGRESS);
	/* While it is prepared, both make and open keys under the old generation. */
	assert_opens(second.db, second.vault, 1);
	assert_int_equal(sk_epoch_apply(second.db, second.vault, NULL), 0);
	assert_int_equal(
		sk_db_query_int(fixture.db, "SELECT COUNT(*) FROM epoch_handovers", SK_DB_NO_ARGS, &old), 0);
	assert_int_equal(old, 0);
	/* A revocation in the middle counts under both generations. */
	keys_fixture_revoke(&fixture, 2);
	assert_int_equal(sk_renew_run(fixture.db, fixture.vault), 0);
	assert_int_equal(sk_db_query_int(fixture.db,
				 "SELECT COUNT(*) FROM medium_keys WHERE generation = 1 AND state = 'live'",
				 SK_DB_NO_ARGS, &old),
		0);
	assert_int_equal(old, 0);
	assert_false(sk_vault_has_generation(fixture.vault, 1));
	assert_true(sk_vault_has_generation(second.vault, 1));
	assert_int_equal(sk_epoch_apply(second.db, second.vault, NULL), 0);
	assert_false(sk_vault_has_generation(second.vault, 1));
	assert_true(is_destroyed(fixture.db, sk_vault_epoch(second.vault)));
	assert_opens(fixture.db, fixture.vault, 1);
	assert_opens(second.db, second.vault, 9);
	assert_dead(second.db, second.vault, 2);
	keys_fixture_add_media(&fixture, MEDIA, 1);
	assert_int_equal(sk_renew_run(fixture.db, fixture.vault), 0);
	leave(&second);
	keys_fixture_free(&fixture);
}

static void one_holds_up_the_end_until_it_confirms(void **state)
{
	PgServer server;

	two_holders(NULL);
	if (!pg_server_is_there())
		return;
	pg_server_start(&server, NULL);
	two_holders(server.url);
	pg_server_free(&server);
}

static void renewals_reach_every_holder(void **state)
{
	PgServer server;

	renewal_with_two(NULL);
	if (!pg_server_is_there())
		return;
	pg_server_start(&server, NULL);
	renewal_with_two(server.url);
	pg_server_free(&server);
}

static int end_second(SkDb *db, void *userdata)
{
	return sk_handover_end_holder(db, userdata);
}

/* Its process ended with the key that the tree was sealed to: it has to be let in again. */
static void who_misses_a_renewal_joins_again(void **state)
{
	KeysFixture fixture;
	Second second = {0};
	char instance[SK_VAULT_ID_SIZE];

	keys_fixture_open(&fixture, NULL);
	remember(&fixture);
	join(&fixture, &second);
	assert_int_equal(sk_renew_start(fixture.db, fixture.vault, KEYS_PERSON, ""), 0);
	open_again(&fixture, &second);
	assert_int_equal(sk_epoch_apply(second.db, second.vault, NULL), -ESTALE);
	sk_str_copy(instance, sizeof(instance), sk_vault_instance(second.vault));
	leave(&second);
	assert_int_equal(sk_db_transact(fixture.db, end_second, instance), 0);
	assert_int_equal(sk_renew_run(fixture.db, fixture.vault), 0);
	assert_opens(fixture.db, fixture.vault, 1);
	keys_fixture_free(&fixture);
}

/* A database that was written to does not add a receiver. */
static void a_key_that_no_holder_made_gets_nothing(void **state)
{
	KeysFixture fixture;
	Second second = {0};

	keys_fixture_open(&fixture, NULL);
	join(&fixture, &second);
	assert_int_equal(
		sk_db_exec(fixture.db, "UPDATE vault_holders SET box_key = $2 WHERE instance_id = $1",
			SK_DB_ARGS(sk_db_text(sk_vault_instance(second.vault)),
				sk_db_bytes("0123456789abcdef0123456789abcdef", 32)),
			NULL),
		0);
	assert_int_equal(sk_renew_start(fixture.db, fixture.vault, KEYS_PERSON, ""), -EHOSTDOWN);
	leave(&second);
	keys_fixture_free(&fixture);
}

/* The tree of a renewal died with its process before anybody had it. */
static void a_renewal_that_was_cut_short_is_abandoned(void **state)
{
	KeysFixture fixture;

	keys_fixture_open(&fixture, NULL);
	remember(&fixture);
	assert_int_equal(sk_db_exec(fixture.db,
				 "INSERT INTO epochs (number, vault, kind, generation, created) VALUES (2, "
				 "$1, 'renew', 2, 1)",
				 SK_DB_ARGS(sk_db_text(sk_vault_id(fixture.vault))), NULL),
		0);
	assert_int_equal(
		sk_db_exec(fixture.db, "INSERT INTO epoch_confirmations (epoch, instance_id) VALUES (2, $1)",
			SK_DB_ARGS(sk_db_text(sk_vault_instance(fixture.vault))), NULL),
		0);
	assert_int_equal(sk_epoch_apply(fixture.db, fixture.vault, NULL), 0);
	assert_int_equal(sk_renew_run(fixture.db, fixture.vault), 0);
	assert_int_equal(sk_vault_epoch(fixture.vault), 2);
	keys_fixture_add_media(&fixture, MEDIA, 1);
	assert_int_equal(sk_renew_start(fixture.db, fixture.vault, KEYS_PERSON, ""), 0);
	assert_int_equal(sk_renew_run(fixture.db, fixture.vault), 0);
	assert_opens(fixture.db, fixture.vault, 1);
	keys_fixture_free(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_holds_up_the_end_until_it_confirms),
		cmocka_unit_test(renewals_reach_every_holder),
		cmocka_unit_test(who_misses_a_renewal_joins_again),
		cmocka_unit_test(a_key_that_no_holder_made_gets_nothing),
		cmocka_unit_test(a_renewal_that_was_cut_short_is_abandoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
