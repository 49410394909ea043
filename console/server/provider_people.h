/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * People as a provider names them, and their roles by its groups. Somebody is (issuer, subject), never a mail
 * address or a name, which a provider may give to somebody else tomorrow.
 */
#include "console/rules/actor.h"

typedef struct SkProviderPerson {
	const char *issuer, *subject;
	const char *login, *name; /* as the provider suggests them, for a new account; NULL: nothing */
	const json_t *groups;	  /* texts */
	bool make;		  /* an account when there is none, and a group has a role here */
	bool link;		  /* the account of actor->person to it */
} SkProviderPerson;

/*
 * Brings the roles that come from the provider to what its groups mean now: added, and taken away. Inside a
 * transaction. Return: 0; SK_PROVIDER_NO_ACCOUNT nobody here;
 * SK_PROVIDER_LINKED the name is somebody else's here; others.
 */
int sk_provider_enter(const SkActor *actor, const SkProviderPerson *who, char ret_person[SK_ID_SIZE]);
