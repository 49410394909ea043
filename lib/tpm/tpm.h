/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The TPM 2.0 of this machine, for two things: a key that signs and never leaves it, and cells, a few bytes
 * each, that are in its own memory and nowhere else. The only includer of tpm2-tss.
 *
 * What is secret goes to and from the chip encrypted, so that who listens on the wires of the board has
 * nothing. Nothing is sealed to PCRs: a new kernel or firmware must not cost a clinic its keys.
 *
 * An SkTpm is opened for one thing and closed: nothing of ours stays loaded in the chip, and one that was
 * away (sleep, a driver that came late) is there again the next time. Not to be shared by threads.
 *
 * Errors, of all functions: -ENODEV there is none; -EPERM this user may not; -EACCES somebody gave it an
 * owner password, or the password of the cell is another one; -ENOMEM; -EIO it refuses or does not answer.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/own.h"
#include "lib/crypt/secret.h"

/* Where it is, in the words of tpm2-tss ("swtpm:host=127.0.0.1,port=2321" in tests). */
#define SK_TPM_HERE "device:/dev/tpmrm0"

typedef struct SkTpm SkTpm;

/* Once, while there are no threads: tpm2-tss says nothing on standard error by itself. */
void sk_tpm_init(void);

/* Is there a device? It may still be of no use. What is no device is always there. */
bool sk_tpm_is_there(const char *where);

int sk_tpm_open(const char *where, SkTpm **ret_tpm);
void sk_tpm_free(SkTpm *tpm);
OWN_DEFINE(SkTpm, sk_tpm_free)
#define own_tpm own_(sk_tpm_freep)

/* A P-256 key: what the chip gave out of it, which no other chip can use. */
#define SK_TPM_KEY_MAX 512
#define SK_TPM_POINT_SIZE 65	 /* uncompressed */
#define SK_TPM_SIGNATURE_SIZE 64 /* r and s */

typedef struct SkTpmKey {
	uint8_t data[SK_TPM_KEY_MAX];
	uint32_t size;
} SkTpmKey;

int sk_tpm_key_new(SkTpm *tpm, SkTpmKey *ret_key);

/* The public half. Needs no TPM. Return: 0, -EBADMSG it is no key of this kind. */
int sk_tpm_key_point(const SkTpmKey *key, uint8_t ret_point[SK_TPM_POINT_SIZE]);

/* ECDSA of a SHA-256 digest. Return: 0, -EKEYREJECTED it is of another TPM, or of this one before it was
 * cleared. */
int sk_tpm_key_sign(SkTpm *tpm, const SkTpmKey *key, const uint8_t digest[32],
	uint8_t ret_signature[SK_TPM_SIGNATURE_SIZE]);

/* A cell has a number that the maker chooses, and a password. */
#define SK_TPM_CELL_SIZE 32
#define SK_TPM_CELLS (1u << 22)

typedef struct SkTpmCell {
	uint32_t number; /* below SK_TPM_CELLS */
	uint8_t password[32];
} SkTpmCell;

/* Return: 0, -EEXIST somebody's cell has this number, -ENOSPC the chip is full. */
int sk_tpm_cell_write(SkTpm *tpm, const SkTpmCell *cell, SkSecret *content);

/* Return: 0, -ENOENT, -EBADMSG made and not written, or somebody else's. */
int sk_tpm_cell_read(SkTpm *tpm, const SkTpmCell *cell, SkSecret **ret_content);

/* Does somebody's cell have this number? Return: 0, -EEXIST. */
int sk_tpm_cell_exists(SkTpm *tpm, uint32_t number);

/* Gone for good, whatever else was kept of it. Return: 0 (also when there is none). */
int sk_tpm_cell_destroy(SkTpm *tpm, const SkTpmCell *cell);
