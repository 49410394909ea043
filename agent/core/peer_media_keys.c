/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sekisho-media asks of the keys of media: the console's half, and leases. */
#include "agent/core/peer_media_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/leases.h"
#include "agent/core/media_keys.h"
#include "agent/core/seal.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"
#include "lib/ipc/proto_media.h"

/* A media process that has ended meanwhile does not wait for it; another one would not know it. */
static void answer(Core *core, const void *message)
{
	if (core->media.chan)
		peer_send(&core->media, message, NULL, 0);
}

static uint64_t *new_cookie(const SkHead *head)
{
	uint64_t *cookie = malloc(sizeof(*cookie));

	if (cookie)
		*cookie = head->cookie;
	return cookie;
}

static void on_key(Core *core, void *userdata, SkReason code, const KeyAnswer *key)
{
	SkMediaEvaluated message = {.code = (uint32_t)code};
	uint64_t *cookie = userdata;

	sk_head_init(&message.head, SK_MEDIA_EVALUATED, sizeof(message));
	message.head.cookie = *cookie;
	free(cookie);
	if (key) {
		memcpy(message.element, key->answer.element, sizeof(message.element));
		memcpy(message.proof, key->answer.proof, sizeof(message.proof));
		memcpy(message.public_key, key->public_key, sizeof(message.public_key));
		sk_str_copy(message.grant, sizeof(message.grant), key->grant);
	}
	answer(core, &message);
}

int media_on_evaluate(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	static const char *const modes[] = {"read", "read-write", "prepare"};
	const SkMediaEvaluate *message = (const SkMediaEvaluate *)head;
	uint64_t *cookie = new_cookie(head);
	Core *core = userdata;
	KeyAsk ask = {.grant = {.medium = message->medium,
			      .user = core->session.present ? core->session.user : "",
			      .mode = modes[message->purpose]},
		.done = on_key,
		.userdata = cookie};

	if (!cookie)
		return -ENOMEM;
	memcpy(ask.blinded, message->blinded, sizeof(ask.blinded));
	media_key_ask(core, &ask);
	return 0;
}

static void on_lease(Core *core, void *userdata, SkReason code, const Lease *lease)
{
	SkMediaLease message = {.code = (uint32_t)code};
	const uint8_t *public_key = seal_public(core);
	uint64_t *cookie = userdata;
	SkStrictTime now;

	sk_head_init(&message.head, SK_MEDIA_LEASE, sizeof(message));
	message.head.cookie = *cookie;
	free(cookie);
	if (lease && public_key) {
		now = grants_time(core);
		sk_str_copy(message.id, sizeof(message.id), lease->id);
		sk_str_copy(message.terminal, sizeof(message.terminal), console_terminal(core));
		message.from = lease->from;
		message.until = lease->until;
		message.earliest = now.earliest;
		message.latest = now.latest;
		memcpy(message.public_key, public_key, sizeof(message.public_key));
		message.box_size = lease->box_size <= sizeof(message.box) ? (uint32_t)lease->box_size : 0;
		memcpy(message.box, lease->box, message.box_size);
	}
	answer(core, &message);
	sk_secret_wipe(&message, sizeof(message));
}

int media_on_lease_ask(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkMediaLeaseAsk *ask = (const SkMediaLeaseAsk *)head;
	uint64_t *cookie = new_cookie(head);
	Core *core = userdata;
	Lease lease;
	SkReason code;

	if (!cookie)
		return -ENOMEM;
	switch (ask->what) {
	case SK_MEDIA_LEASE_TAKE:
		leases_take(core, ask->medium, on_lease, cookie);
		return 0;
	case SK_MEDIA_LEASE_KEEP:
		on_lease(core, cookie, leases_keep(core, ask->medium, ask->box, ask->box_size), NULL);
		return 0;
	default:
		code = leases_try(core, ask->medium, &lease);
		on_lease(core, cookie, code, code == SK_REASON_NONE ? &lease : NULL);
		sk_secret_wipe(&lease, sizeof(lease));
		return 0;
	}
}
