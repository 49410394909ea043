/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a person sends twice because the answer was lost is done once. A POST may carry the header
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same person, key and request within a day
 * get the first answer, another request under the key is refused (SK_KEY_OF_ANOTHER). That the key was used
 * is written by the transaction that does what was asked for, so a crash between the two cannot be. What was
 * refused without a trace leaves the key free.
 *
 * Answers may hold what is shown only once: they are kept wrapped under the console's own secret.
 */
#include "console/server/call.h"

/* The header of a call whose operation is known; NULL: none. Return: 0 (look at the reply). */
int sk_once_read(SkCall *call, const char *header);

/* Before the handler: answers what was answered before. Return: 0 (look at the reply) or negative errno. */
int sk_once_begin(SkCall *call);

/* As the last part of the first transaction that does something. Return: 0, SK_KEY_IN_USE somebody was
 * faster, negative errno. */
int sk_once_claim(const SkCall *call, SkDb *db);

/* After the handler: keeps its answer. What cannot be kept is refused when it is asked for again. */
void sk_once_keep(SkCall *call);
