/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The clinics of rules_fixture.h with PCs, a vault and keys that sign, and requests that were approved. */
#include "tests/lib/rules_fixture.h"

#include "console/keys/signing.h"
#include "console/keys/vault.h"

#define GROUP "01J0000000000000000000GRP1"
#define GROUP2 "01J0000000000000000000GRP2"
#define PC "01J00000000000000000000PC1"
#define PC2 "01J00000000000000000000PC2"
#define PC3 "01J00000000000000000000PC3"      /* of the other group */
#define PC_THERE "01J00000000000000000000PC9" /* of the other clinic */
#define RECOVERY "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="

extern SkVault *grants_vault;
extern SkSigning *grants_signing;

int grants_setup(void **state);
int grants_teardown(void **state);

/* A new medium that counts as prepared and has its key, in an approved request for 24 hours from now;
 * terminal NULL: from no certain PC. The account is "tanaka". */
void grants_approve(
	Fixture *f, const char *terminal, char ret_medium[SK_ID_SIZE], char ret_request[SK_ID_SIZE]);

/* The same of a medium that nobody prepared, for files in an archive. */
void grants_approve_hand_over(
	Fixture *f, const char *terminal, char ret_medium[SK_ID_SIZE], char ret_request[SK_ID_SIZE]);

/* The same of a disc that is burned. */
void grants_approve_disc(
	Fixture *f, const char *terminal, char ret_medium[SK_ID_SIZE], char ret_request[SK_ID_SIZE]);

/* The medium is lost: its key is cut off in the database, and in this vault at the next sk_epoch_apply(). */
void grants_cut(Fixture *f, char *medium);
