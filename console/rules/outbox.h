/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is to be sent: written in the transaction that it tells of, sent afterwards by whoever takes it, and
 * tried again at doubling distances until it is sent or given up. A process that dies between the server's
 * answer and the note of it sends a message twice, under the same id; one that dies before sends it later.
 */
#include "console/rules/actor.h"

#define SK_OUTBOX_ATTEMPTS 14 /* about a day and a half */

extern const SkTable sk_outbox_table;

typedef struct SkOutboxMessage {
	const char *facility; /* NULL: of the console itself */
	const char *kind;     /* "mail", "webhook" */
	const char *target;   /* address, or id of the webhook */
	const char *matter;   /* the same matter goes to the same target once; "": always */
	const char *subject, *body;
	const char *language;
} SkOutboxMessage;

/* Return: 0 or negative errno. */
int sk_outbox_add(const SkActor *actor, const SkOutboxMessage *message);

/* A message that this process may send now. Texts are owned. */
typedef struct SkOutboxItem {
	char id[SK_ID_SIZE], facility[SK_ID_SIZE]; /* "": none */
	char *kind, *target, *subject, *body, *language;
	int64_t attempts, created;
} SkOutboxItem;

void sk_outbox_item_deinit(SkOutboxItem *item);
#define own_outbox_item own_(sk_outbox_item_deinit)

/* Takes the message that is due longest, for nobody else until the time. Return: 0; -ENOENT none is due. */
int sk_outbox_take(SkDb *db, const char *instance, int64_t now, int64_t until, SkOutboxItem *ret_item);

/* It was taken and not tried. Return: 0 or negative errno. */
int sk_outbox_release(SkDb *db, const SkOutboxItem *item);

/* Return: as in actor.h, for both. */
int sk_outbox_sent(const SkActor *actor, const SkOutboxItem *item);

typedef struct SkOutboxFailure {
	const char *error; /* words for people */
	bool for_good;	   /* trying again does not help */
	bool silent;	   /* and needs no alert: nobody set up what it needs */
} SkOutboxFailure;

int sk_outbox_failed(const SkActor *actor, const SkOutboxItem *item, const SkOutboxFailure *failure);

/* Somebody has mended the cause: it is tried again from now. Return: as in actor.h; SK_MESSAGE_NOT_POSSIBLE.
 */
int sk_outbox_retry(const SkActor *actor, const char *id);
