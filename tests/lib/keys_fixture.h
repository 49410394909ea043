/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A console's database with a clinic and its vault, in a directory of the test's own. Every function ends the
 * test program when it cannot do what it says.
 */
#include "console/db/db.h"
#include "console/keys/epoch.h"
#include "console/keys/medium_key.h"

#define KEYS_PERSON "01J00000000000000000PERS0N"
#define KEYS_FACILITY "01J0000000000000000FAC1TYA"

/* Where keystores are: NULL in files, otherwise in the TPM that is there (swtpm.h). */
extern const char *keys_fixture_tpm;

typedef struct KeysFixture {
	char directory[64];
	char where[300]; /* the database */
	SkDb *db;
	SkVault *vault;
} KeysFixture;

/* where NULL: SQLite in the directory. */
void keys_fixture_open(KeysFixture *fixture, const char *where);
void keys_fixture_free(KeysFixture *fixture);

/* Another process of the console: its vault, in DIRECTORY/NAME. keystore_words NULL: files in the same
 * directory. */
SkKeystore *keys_fixture_keystore(const KeysFixture *fixture, const char *name);
void keys_fixture_path(const KeysFixture *fixture, const char *name, char ret_path[128]);
void keys_fixture_add_instance(SkDb *db, const char *id);

void keys_fixture_close_vault(KeysFixture *fixture);
void keys_fixture_open_vault(KeysFixture *fixture);
void keys_fixture_reopen_db(KeysFixture *fixture);

/* number: 0 … ; the id that it gives. */
void keys_fixture_medium_id(unsigned number, char ret_id[27]);
/* Rows in the ledger with a key each. */
void keys_fixture_add_media(KeysFixture *fixture, unsigned first, unsigned count);

/*
 * Asks as a terminal does, with a passphrase. Return: 0 and 64 bytes, or what the console said; a proof that
 * does not fit the medium's public key ends the test.
 */
int keys_fixture_ask(SkDb *db, SkVault *vault, unsigned medium, uint8_t ret_output[SK_OPRF_OUTPUT_SIZE]);

/* Revokes, applies; the epoch that did it. */
uint64_t keys_fixture_revoke(KeysFixture *fixture, unsigned medium);
