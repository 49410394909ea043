/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys where people decide: an escrow takes two, a receipt says who still has what, copies of the vault are
 * kept off the machine and bring it back, signing keys are replaced with an overlap. Serves OUT-2.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "console/keys/escrow.h"
#include "console/keys/receipt.h"
#include "console/keys/renew.h"
#include "console/keys/signing.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "tests/lib/keys_fixture.h"

#define SECOND_PERSON "01J00000000000000000PERS02"
#define THIRD_PERSON "01J00000000000000000PERS03"
#define SECRET "the key of the second slot, 32 b"

typedef struct People {
	KeysFixture base;
	SkSecret *recovery;
	uint8_t recovery_public[SK_BOX_KEY_SIZE];
	char medium[27];
} People;

static void run(SkDb *db, const char *sql, const char *a)
{
	assert_int_equal(sk_db_exec(db, sql, SK_DB_ARGS(sk_db_text(a)), NULL), 0);
}

static void open_people(People *people)
{
	keys_fixture_open(&people->base, NULL);
	keys_fixture_add_media(&people->base, 0, 3);
	keys_fixture_medium_id(0, people->medium);
	run(people->base.db,
		"INSERT INTO people (id, login, login_key, name, created) VALUES ($1, 'b', 'b', 'B', 1)",
		SECOND_PERSON);
	run(people->base.db,
		"INSERT INTO people (id, login, login_key, name, created) VALUES ($1, 'c', 'c', 'C', 1)",
		THIRD_PERSON);
	assert_int_equal(sk_box_key_new(&people->recovery, people->recovery_public), 0);
}

static void close_people(People *people)
{
	sk_secret_free(people->recovery);
	keys_fixture_free(&people->base);
}

/* One step of the ceremony in a transaction of its own. */
typedef struct Act {
	People *people;
	const char *person, *opening;
	bool approve;
	int step;
	char id[SK_ESCROW_ID_SIZE];
	SkSecret *box;
} Act;

enum { STORE, ASK, DECIDE, TAKE };

static int act_in(SkDb *db, void *userdata)
{
	Act *act = userdata;
	People *people = act->people;
	uint8_t box[sizeof(SECRET) + SK_BOX_OVERHEAD];
	const SkBoxLabel label = {.info = SK_ESCROW_BOX_INFO, .aad = people->medium};
	const SkEscrowBox sealed = {"recovery-1", box, sizeof(box)};

	switch (act->step) {
	case STORE:
		assert_int_equal(sk_box_seal(people->recovery_public, label, SECRET, sizeof(SECRET), box), 0);
		return sk_escrow_store(db, people->base.vault, people->medium, &sealed, act->id);
	case ASK:
		return sk_escrow_ask(db, people->medium, act->person, "she left the clinic", act->id);
	case DECIDE:
		return sk_escrow_decide(db, act->opening, act->person, act->approve);
	default:
		return sk_escrow_take(db, people->base.vault, act->opening, act->person, &act->box);
	}
}

static int act(Act *what)
{
	return sk_db_transact(what->people->base.db, act_in, what);
}

static int decide(People *people, const char *opening, const char *person, bool approve)
{
	return act(&(Act){
		.people = people, .step = DECIDE, .opening = opening, .person = person, .approve = approve});
}

static int take(People *people, const char *opening, const char *person, SkSecret **ret_box)
{
	Act taking = {.people = people, .step = TAKE, .opening = opening, .person = person};
	int r = act(&taking);

	if (r == 0)
		*ret_box = taking.box;
	return r;
}

static void an_escrow_takes_two(void **state)
{
	People people;
	Act storing = {.people = &people, .step = STORE}, asking = {.people = &people, .step = ASK};
	own_secret SkSecret *box = NULL, *opened = NULL;
	SkSecret *none = NULL;

	open_people(&people);
	const SkBoxLabel label = {.info = SK_ESCROW_BOX_INFO, .aad = people.medium};

	asking.person = KEYS_PERSON;
	assert_int_equal(act(&asking), -ENOENT);
	assert_int_equal(act(&storing), 0);
	assert_int_equal(act(&asking), 0);
	/* Nothing before the second, and not the first as the second. */
	assert_int_equal(take(&people, asking.id, KEYS_PERSON, &none), -ENOENT);
	assert_int_equal(decide(&people, asking.id, KEYS_PERSON, true), -EPERM);
	assert_int_equal(decide(&people, asking.id, SECOND_PERSON, true), 0);
	assert_int_equal(decide(&people, asking.id, THIRD_PERSON, false), -ENOENT);
	assert_int_equal(take(&people, asking.id, THIRD_PERSON, &none), -EPERM);
	assert_int_equal(take(&people, asking.id, SECOND_PERSON, &box), 0);
	assert_int_equal(take(&people, asking.id, SECOND_PERSON, &none), -ENOENT);
	/* The console has nothing that opens the box; the recovery key does. */
	assert_int_equal(sk_box_open(sk_vault_box_secret(people.base.vault), label, sk_secret_data(box),
				 sk_secret_size(box), &none),
		-EBADMSG);
	assert_int_equal(
		sk_box_open(people.recovery, label, sk_secret_data(box), sk_secret_size(box), &opened), 0);
	assert_memory_equal(sk_secret_data(opened), SECRET, sizeof(SECRET));
	assert_null(none);
	/* It was disclosed: a new one is to be made before it can be asked for again. */
	assert_int_equal(act(&asking), -ENOENT);
	assert_int_equal(act(&storing), 0);
	assert_int_equal(act(&asking), 0);
	assert_int_equal(decide(&people, asking.id, SECOND_PERSON, false), 0);
	assert_int_equal(take(&people, asking.id, KEYS_PERSON, &none), -ENOENT);
	close_people(&people);
}

static void approvals_end(void **state)
{
	People people;
	Act storing = {.people = &people, .step = STORE}, asking = {.people = &people, .step = ASK};
	SkSecret *none = NULL;

	open_people(&people);
	asking.person = KEYS_PERSON;
	assert_int_equal(act(&storing), 0);
	assert_int_equal(act(&asking), 0);
	run(people.base.db, "UPDATE escrow_openings SET expires = 1 WHERE id = $1", asking.id);
	assert_int_equal(decide(&people, asking.id, SECOND_PERSON, true), -ETIME);
	assert_int_equal(act(&asking), 0);
	assert_int_equal(decide(&people, asking.id, SECOND_PERSON, true), 0);
	run(people.base.db, "UPDATE escrow_openings SET expires = 1 WHERE id = $1", asking.id);
	assert_int_equal(take(&people, asking.id, KEYS_PERSON, &none), -ETIME);
	close_people(&people);
}

static void a_revocation_takes_the_escrow_too(void **state)
{
	People people;
	Act storing = {.people = &people, .step = STORE}, asking = {.people = &people, .step = ASK};
	SkSecret *none = NULL;

	open_people(&people);
	asking.person = KEYS_PERSON;
	assert_int_equal(act(&storing), 0);
	assert_int_equal(act(&asking), 0);
	assert_int_equal(decide(&people, asking.id, SECOND_PERSON, true), 0);
	keys_fixture_revoke(&people.base, 0);
	assert_int_equal(take(&people, asking.id, KEYS_PERSON, &none), -EKEYREVOKED);
	assert_int_equal(act(&asking), -ENOENT);
	assert_int_equal(act(&storing), -ENOENT);
	close_people(&people);
}

static void a_renewal_wraps_the_escrow_too(void **state)
{
	People people;
	Act storing = {.people = &people, .step = STORE}, asking = {.people = &people, .step = ASK};
	own_secret SkSecret *box = NULL;

	open_people(&people);
	asking.person = KEYS_PERSON;
	assert_int_equal(act(&storing), 0);
	assert_int_equal(sk_renew_start(people.base.db, people.base.vault, KEYS_PERSON, ""), 0);
	assert_int_equal(sk_renew_run(people.base.db, people.base.vault), 0);
	assert_int_equal(act(&asking), 0);
	assert_int_equal(decide(&people, asking.id, SECOND_PERSON, true), 0);
	assert_int_equal(take(&people, asking.id, KEYS_PERSON, &box), 0);
	close_people(&people);
}

static int make_copy(SkDb *db, void *userdata)
{
	People *people = ((void **)userdata)[0];
	const SkVaultCopy copy = {"sealed-file", "director", "safe", "recovery-1", KEYS_PERSON};

	SkSealedCopy sealed;
	int r = sk_copy_make(db, people->base.vault, people->recovery_public, &copy, &sealed);

	if (r == 0)
		*(SkWrap *)((void **)userdata)[1] = sealed.box;
	return r;
}

static void add_lease(SkDb *db, const char *medium, int64_t until)
{
	run(db, "INSERT INTO terminal_groups (id, facility_id, name, created) VALUES ('g', $1, 'g', 1)",
		KEYS_FACILITY);
	run(db,
		"INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES ('t', $1, 'g', "
		"'t', 1)",
		KEYS_FACILITY);
	assert_int_equal(
		sk_db_exec(db,
			"INSERT INTO grants (id, facility_id, medium_id, terminal_id, mode, valid_from, "
			"valid_until,"
			" envelope, key_id, created) VALUES ('g', $1, $2, 't', 'read', 1, 2, $3, 'k', 1)",
			SK_DB_ARGS(sk_db_text(KEYS_FACILITY), sk_db_text(medium), sk_db_bytes("x", 1)), NULL),
		0);
	assert_int_equal(
		sk_db_exec(db,
			"INSERT INTO leases (id, facility_id, grant_id, medium_id, terminal_id, key_kind, "
			"issued,"
			" valid_until) VALUES ('l', $1, 'g', $2, 't', 'tpm', 1, $3)",
			SK_DB_ARGS(sk_db_text(KEYS_FACILITY), sk_db_text(medium), sk_db_int(until)), NULL),
		0);
}

static int end_copies(SkDb *db, void *userdata)
{
	return sk_copy_end(db, userdata, KEYS_PERSON, NULL);
}

static void a_receipt_says_who_still_has_what(void **state)
{
	const int64_t until = sk_time_now() + 3600000;
	People people;
	SkWrap box = {0};
	void *arguments[] = {&people, &box};
	json_t *receipt = NULL, *copies;
	char copy_id[64];
	int64_t old;

	open_people(&people);
	assert_int_equal(sk_receipt_make(people.base.db, people.medium, &receipt), -ENOENT);
	assert_int_equal(sk_db_transact(people.base.db, make_copy, arguments), 0);
	add_lease(people.base.db, people.medium, until);
	assert_int_equal(sk_copy_count_old(people.base.db, &old), 0);
	assert_int_equal(old, 0);
	keys_fixture_revoke(&people.base, 0);
	assert_int_equal(sk_copy_count_old(people.base.db, &old), 0);
	assert_int_equal(old, 1);
	assert_int_equal(sk_receipt_make(people.base.db, people.medium, &receipt), 0);
	copies = json_object_get(receipt, "copies");
	assert_int_equal(json_integer_value(json_object_get(receipt, "epoch")), 2);
	assert_int_equal(json_array_size(json_object_get(receipt, "keys")), 1);
	assert_int_equal(json_array_size(json_object_get(receipt, "holders")), 1);
	assert_true(json_is_integer(
		json_object_get(json_array_get(json_object_get(receipt, "holders"), 0), "confirmed")));
	assert_true(json_is_integer(json_object_get(receipt, "destroyed")));
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(receipt, "leases"), 0), "until")),
		until);
	assert_int_equal(json_array_size(copies), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(copies, 0), "holder")), "director");
	assert_true(json_is_null(json_object_get(receipt, "unreadable_from")));
	sk_str_copy(copy_id, sizeof(copy_id),
		json_string_value(json_object_get(json_array_get(copies, 0), "id")));
	json_decref(receipt);
	/* The copy is destroyed: now the last lease says when it is over. */
	assert_int_equal(sk_db_transact(people.base.db, end_copies, copy_id), 0);
	assert_int_equal(sk_db_transact(people.base.db, end_copies, copy_id), -ENOENT);
	assert_int_equal(sk_receipt_make(people.base.db, people.medium, &receipt), 0);
	assert_int_equal(json_integer_value(json_object_get(receipt, "unreadable_from")), until);
	json_decref(receipt);
	free((void *)box.bytes);
	close_people(&people);
}

/* The machine is lost with its directory of keys; the copy and the recovery key bring it back. */
static void a_copy_brings_the_vault_back(void **state)
{
	uint8_t before[SK_OPRF_OUTPUT_SIZE], after[SK_OPRF_OUTPUT_SIZE];
	People people;
	SkWrap box = {0};
	void *arguments[] = {&people, &box};
	own_secret SkSecret *vault_state = NULL;
	char path[128], id[SK_VAULT_ID_SIZE];

	open_people(&people);
	assert_int_equal(keys_fixture_ask(people.base.db, people.base.vault, 1, before), 0);
	assert_int_equal(sk_db_transact(people.base.db, make_copy, arguments), 0);
	sk_str_copy(id, sizeof(id), sk_vault_id(people.base.vault));
	/* After the copy: a medium is revoked, another is made. */
	keys_fixture_revoke(&people.base, 0);
	keys_fixture_add_media(&people.base, 3, 1);
	keys_fixture_close_vault(&people.base);
	const SkBoxLabel label = {.info = SK_VAULT_COPY_INFO, .aad = id};

	assert_int_equal(sk_box_open(people.recovery, label, box.bytes, box.size, &vault_state), 0);
	keys_fixture_path(&people.base, "new", path);
	assert_int_equal(sk_vault_import(path, keys_fixture_keystore(&people.base, "new"), vault_state,
				 &people.base.vault),
		0);
	keys_fixture_add_instance(people.base.db, sk_vault_instance(people.base.vault));
	/* The copy is from before the revocation; the database is not, and the vault makes up for it. */
	assert_int_equal(sk_epoch_apply(people.base.db, people.base.vault, NULL), 0);
	assert_int_equal(keys_fixture_ask(people.base.db, people.base.vault, 0, after), -EKEYREVOKED);
	assert_int_equal(keys_fixture_ask(people.base.db, people.base.vault, 1, after), 0);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(keys_fixture_ask(people.base.db, people.base.vault, 3, after), 0);
	free((void *)box.bytes);
	close_people(&people);
}

static size_t count_signatures(SkSigning *signing)
{
	own_free char *envelope = NULL;
	size_t count = 0;

	assert_int_equal(sk_signing_sign(signing, (SkDssePayload){SK_DSSE_HEAD, "{}", 2}, &envelope), 0);
	for (const char *p = envelope; (p = strstr(p, "\"keyid\"")) != NULL; p++)
		count++;
	return count;
}

static int verify(SkDb *db, const char *envelope)
{
	own_free SkDsseKey *keys = NULL;
	SkDsseCheck check = {.type = SK_DSSE_HEAD, .payload_max = 100};
	SkDsseOpened opened = {0};
	int r;

	assert_int_equal(sk_signing_list(db, &keys, &check.n_keys), 0);
	check.keys = keys;
	r = sk_dsse_verify(envelope, strlen(envelope), &check, &opened);
	free(opened.payload);
	return r;
}

static int retire(SkDb *db, void *userdata)
{
	return sk_signing_retire(db, sk_time_now() + 3600000);
}

static void signing_keys_overlap(void **state)
{
	own_free char *before = NULL, *after = NULL;
	SkSigning *signing = NULL;
	SkDsseKey *keys = NULL;
	People people;
	char path[128];
	size_t count;

	open_people(&people);
	keys_fixture_path(&people.base, "signing", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(sk_signing_open(people.base.db, path, "me", &signing), 0);
	assert_int_equal(count_signatures(signing), 1);
	assert_int_equal(sk_signing_sign(signing, (SkDssePayload){SK_DSSE_HEAD, "{}", 2}, &before), 0);
	assert_int_equal(sk_signing_follow(people.base.db, signing), 0);
	assert_int_equal(sk_db_transact(people.base.db, retire, NULL), 0);
	assert_int_equal(sk_db_transact(people.base.db, retire, NULL), -EBUSY);
	assert_int_equal(sk_signing_follow(people.base.db, signing), 1);
	assert_int_equal(sk_signing_follow(people.base.db, signing), 0);
	assert_int_equal(count_signatures(signing), 2);
	assert_int_equal(verify(people.base.db, before), 0);
	sk_signing_free(signing);
	assert_int_equal(sk_signing_open(people.base.db, path, "me", &signing), 0);
	assert_int_equal(count_signatures(signing), 2);
	/* The overlap is over. */
	run(people.base.db, "UPDATE public_keys SET retired = 1 WHERE retired IS NOT NULL AND purpose = $1",
		"signing:me");
	assert_int_equal(sk_signing_follow(people.base.db, signing), 1);
	assert_int_equal(count_signatures(signing), 1);
	sk_signing_free(signing);
	assert_int_equal(sk_signing_open(people.base.db, path, "me", &signing), 0);
	assert_int_equal(count_signatures(signing), 1);
	assert_int_equal(verify(people.base.db, before), -EKEYREJECTED);
	assert_int_equal(sk_signing_sign(signing, (SkDssePayload){SK_DSSE_HEAD, "{}", 2}, &after), 0);
	assert_int_equal(verify(people.base.db, after), 0);
	assert_int_equal(sk_signing_list(people.base.db, &keys, &count), 0);
	assert_int_equal(count, 1);
	free(keys);
	sk_signing_free(signing);
	close_people(&people);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_escrow_takes_two),
		cmocka_unit_test(approvals_end),
		cmocka_unit_test(a_revocation_takes_the_escrow_too),
		cmocka_unit_test(a_renewal_wraps_the_escrow_too),
		cmocka_unit_test(a_receipt_says_who_still_has_what),
		cmocka_unit_test(a_copy_brings_the_vault_back),
		cmocka_unit_test(signing_keys_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
