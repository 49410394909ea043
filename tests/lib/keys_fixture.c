/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/keys_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "console/db/migrate.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

const char *keys_fixture_tpm;

static void must(int r, const char *what, SkDb *db)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s; %s\n", what, strerror(-r), db ? sk_db_message(db) : "");
	abort();
}

void keys_fixture_path(const KeysFixture *fixture, const char *name, char ret_path[128])
{
	sk_str_format(ret_path, 128, "%s/%s", fixture->directory, name);
}

SkKeystore *keys_fixture_keystore(const KeysFixture *fixture, const char *name)
{
	char path[128], words[256];
	SkKeystore *keystore;

	keys_fixture_path(fixture, name, path);
	mkdir(path, 0700);
	if (keys_fixture_tpm)
		sk_str_format(words, sizeof(words), "tpm2:%s?dir=%s", keys_fixture_tpm, path);
	else
		sk_str_format(words, sizeof(words), "file:%s", path);
	must(sk_keystore_open(words, &keystore), words, NULL);
	return keystore;
}

void keys_fixture_add_instance(SkDb *db, const char *id)
{
	must(sk_db_exec(db,
		     "INSERT INTO instances (id, name, host, software, started, last_seen)"
		     " VALUES ($1, $1, 'here', '0', 1, 1) ON CONFLICT (id) DO NOTHING",
		     SK_DB_ARGS(sk_db_text(id)), NULL),
		"instance", db);
}

static int add_clinic(SkDb *db, void *userdata)
{
	must(sk_db_exec(db, "INSERT INTO facilities (id, name, created) VALUES ($1, 'A', 1)",
		     SK_DB_ARGS(sk_db_text(KEYS_FACILITY)), NULL),
		"facility", db);
	must(sk_db_exec(db,
		     "INSERT INTO people (id, login, login_key, name, created) VALUES ($1, 'a', 'a', 'A', 1)",
		     SK_DB_ARGS(sk_db_text(KEYS_PERSON)), NULL),
		"person", db);
	keys_fixture_add_instance(db, sk_vault_instance(userdata));
	return sk_epoch_start(db, userdata, KEYS_PERSON);
}

void keys_fixture_open_vault(KeysFixture *fixture)
{
	char path[128];

	keys_fixture_path(fixture, "keys", path);
	must(sk_vault_open(path, keys_fixture_keystore(fixture, "keys"), &fixture->vault), path, NULL);
}

void keys_fixture_close_vault(KeysFixture *fixture)
{
	sk_vault_free(own_take(fixture->vault));
}

void keys_fixture_reopen_db(KeysFixture *fixture)
{
	sk_db_free(own_take(fixture->db));
	must(sk_db_open(fixture->where, &fixture->db), fixture->where, NULL);
}

void keys_fixture_open(KeysFixture *fixture, const char *where)
{
	SkMigrateReport report;
	char path[128];

	must(sk_crypt_init(), "crypt", NULL);
	sk_str_copy(fixture->directory, sizeof(fixture->directory), "/tmp/sekisho-keys-XXXXXX");
	if (!mkdtemp(fixture->directory))
		abort();
	if (where)
		sk_str_copy(fixture->where, sizeof(fixture->where), where);
	else
		sk_str_format(fixture->where, sizeof(fixture->where), "sqlite:%s/db", fixture->directory);
	fixture->db = NULL;
	keys_fixture_reopen_db(fixture);
	must(sk_db_migrate(fixture->db, &sk_migrations, 0, &report), "migrate", fixture->db);
	keys_fixture_path(fixture, "keys", path);
	must(sk_vault_create(path, keys_fixture_keystore(fixture, "keys"), &fixture->vault), path, NULL);
	must(sk_db_transact(fixture->db, add_clinic, fixture->vault), "clinic", fixture->db);
	must(sk_epoch_apply(fixture->db, fixture->vault, NULL), "apply", fixture->db);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

void keys_fixture_free(KeysFixture *fixture)
{
	keys_fixture_close_vault(fixture);
	sk_db_free(own_take(fixture->db));
	nftw(fixture->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void keys_fixture_medium_id(unsigned number, char ret_id[27])
{
	sk_str_format(ret_id, 27, "01J0000000000000000%07u", number);
}

typedef struct Range {
	SkVault *vault;
	unsigned first, count;
} Range;

static int add_media(SkDb *db, void *userdata)
{
	const Range *range = userdata;

	for (unsigned i = range->first; i < range->first + range->count; i++) {
		SkMediumKey key;
		char id[27];
		int r;

		keys_fixture_medium_id(i, id);
		r = sk_db_exec(db,
			"INSERT INTO media (id, facility_id, number, label, state, state_since, mode, kind, "
			"created)"
			" VALUES ($1, $2, $1, '', 'in-stock', 1, 'bound', 'usb-stick', 1)",
			SK_DB_ARGS(sk_db_text(id), sk_db_text(KEYS_FACILITY)), NULL);
		if (r == 0)
			r = sk_medium_key_new(db, range->vault, id, KEYS_FACILITY, &key);
		if (r < 0)
			return r;
	}
	return 0;
}

void keys_fixture_add_media(KeysFixture *fixture, unsigned first, unsigned count)
{
	Range range = {fixture->vault, first, count};

	must(sk_db_transact(fixture->db, add_media, &range), "media", fixture->db);
}

int keys_fixture_ask(SkDb *db, SkVault *vault, unsigned medium, uint8_t ret_output[SK_OPRF_OUTPUT_SIZE])
{
	const SkKeyLimit plenty = {1000000, 1000000};
	const SkKeyLimits limits = {plenty, plenty, plenty};
	own_oprf_question SkOprfQuestion *question = NULL;
	own_secret SkSecret *output = NULL;
	SkMediumKey key;
	SkOprfAnswer answer;
	char id[27];
	int r;

	keys_fixture_medium_id(medium, id);
	SkKeyUse use = {.medium_id = id, .terminal_id = "t", .person_id = KEYS_PERSON};

	must(sk_oprf_ask(SK_OPRF_VERIFIABLE, "passphrase", 10, NULL, &question), "ask", NULL);
	memcpy(use.blinded, sk_oprf_question_blinded(question), sizeof(use.blinded));
	r = sk_medium_key_evaluate(db, vault, &limits, &use, &answer);
	if (r < 0)
		return r;
	must(sk_medium_key_find(db, id, &key), "find", db);
	must(sk_oprf_finalize(question, &answer, key.public_key, &output), "finalize", NULL);
	memcpy(ret_output, sk_secret_data(output), SK_OPRF_OUTPUT_SIZE);
	return 0;
}

typedef struct Revocation {
	SkVault *vault;
	SkEpochCut cut;
	uint64_t epoch;
} Revocation;

static int revoke_medium(SkDb *db, void *userdata)
{
	Revocation *revocation = userdata;

	return sk_epoch_cut(db, revocation->vault, &revocation->cut, &revocation->epoch);
}

uint64_t keys_fixture_revoke(KeysFixture *fixture, unsigned medium)
{
	char id[27];
	Revocation revocation = {fixture->vault, {id, KEYS_PERSON, "lost"}, 0};

	keys_fixture_medium_id(medium, id);
	must(sk_db_transact(fixture->db, revoke_medium, &revocation), "revoke", fixture->db);
	must(sk_epoch_apply(fixture->db, fixture->vault, NULL), "apply", fixture->db);
	return revocation.epoch;
}
