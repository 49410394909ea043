/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/actor.h"

#include <errno.h>

#include "lib/base/str.h"

int sk_actor_record(const SkActor *actor, const SkFact *fact)
{
	char who[16 + SK_ID_SIZE] = "console", subject[32 + SK_ID_SIZE];
	json_auto_t *body = fact->body;

	if (!body)
		return -ENOMEM;
	if (actor->person)
		sk_str_format(who, sizeof(who), "person:%s", actor->person);
	else if (actor->terminal)
		sk_str_format(who, sizeof(who), "terminal:%s", actor->terminal);
	sk_str_format(subject, sizeof(subject), "%s:%s", fact->subject_kind, fact->subject);
	return sk_chain_append(actor->chain, actor->db,
		&(SkChainEntry){.kind = fact->kind,
			.actor = who,
			.body = body,
			.facility = fact->facility,
			.subject = subject});
}
