/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The key that is this terminal's own (console/rules/seal_key.h), in STATE/console/seal.json, and the secret
 * that offline codes are judged with, which comes from the console sealed to it and signed. The uplink
 * carries the public half and the box, and can make neither of them. Core alone has the other half. Where
 * there is a TPM, the file has both only wrapped, under what is in a cell of the TPM (seal_tpm.h): a copy of
 * the disk opens no lease. A key that was in a file is moved there. Where there is none, who has the disk of
 * this PC has the key, but nothing that a lease's passphrase would not still be needed for.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/crypt/lease.h"
#include "lib/crypt/offline_code.h"

typedef struct Core Core;
typedef struct Seal Seal;

/* After console_open(). Return: 0 or negative errno. */
int seal_open(Core *core);
void seal_close(Core *core);

/* The console is reached: tells it the key where it does not know it. */
void seal_offer(Core *core);
/* This PC belongs to no console, or is another terminal of it: key and secret go. */
void seal_forget(Core *core);

/* What was sealed to this terminal, while the lease holds. Return: as sk_lease_open(), -ENOKEY. */
int seal_lease_open(
	const Core *core, const SkLease *lease, SkLeaseTime now, SkLeaseBox box, SkSecret **ret_content);

/* "none", "file", "tpm", "away" (in a TPM that does not answer) or "lost" (in another TPM, or one that was
 * cleared). */
const char *seal_place(const Core *core);
/* One of the last two: no lease and no offline code works until it is back. */
bool seal_is_away(const Core *core);

/* NULL: there is none. */
const uint8_t *seal_public(const Core *core);
const uint8_t *seal_offline_secret(const Core *core);
