/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What agents believe this console by: the trust bundle, and what is signed with its keys.
 */
#include <jansson.h>
#include <stdint.h>

#include "console/server/server.h"
#include "lib/dsse/dsse.h"

/* Canonical JSON (sorted, without blanks): its SHA-256 is in enrolment codes. The caller frees it. */
int sk_trust_bundle(SkServer *server, SkDb *db, char **ret_bundle);

/* The public keys that sign: [{id, public}], a new reference. */
int sk_trust_keys(SkDb *db, json_t **ret_keys);

/* payload: taken over; NULL is -ENOMEM. */
int sk_trust_sign(SkServer *server, const char *type, json_t *payload, json_t **ret_envelope);

/*
 * What the terminal may do and what is revoked, as far as it changed since the revision *revision (0: all),
 * each in its envelope: an array that the caller owns; and the revision that it is of. Return: 0, -ENOENT no
 * such terminal, others.
 */
int sk_trust_authority(
	SkServer *server, SkDb *db, const char *terminal, int64_t *revision, json_t **ret_envelopes);

/* What the terminal is to have. Return: 0, -ENOENT there is none, others. */
int sk_trust_policy(SkServer *server, SkDb *db, const char *terminal, json_t **ret_envelope);
