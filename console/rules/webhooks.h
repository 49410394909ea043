/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Programs of others that hear of notices: where they listen, what they want to hear, and the secret that
 * signs what they get. */
#include "console/rules/actor.h"

extern const SkTable sk_webhooks_table;

#define SK_WEBHOOK_WRAP_MAX 128

typedef struct SkWebhookNew {
	const char *id;	      /* made by the caller, who wraps the secret for it */
	const char *facility; /* NULL: of all, which takes scope `all` */
	const char *name, *url;
	const json_t *kinds; /* an array of kinds of alerts; empty: all */
	const uint8_t *wrapped;
	size_t wrapped_size;
} SkWebhookNew;

/* Return: as in actor.h; SK_NOT_FOUND; SK_REQUEST_INVALID: no https. */
int sk_webhook_create(const SkActor *actor, const SkWebhookNew *webhook);
/* Return: as in actor.h. */
int sk_webhook_pause(const SkActor *actor, const SkRowKey *key, bool paused);
int sk_webhook_remove(const SkActor *actor, const char *id);

/* For whoever sends. The caller frees url. */
typedef struct SkWebhookTarget {
	char *url;
	uint8_t wrapped[SK_WEBHOOK_WRAP_MAX];
	size_t wrapped_size;
	bool active;
} SkWebhookTarget;

/* Return: 0, -ENOENT, others of the database. */
int sk_webhook_read(SkDb *db, const char *id, SkWebhookTarget *ret_target);
