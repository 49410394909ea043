/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* A call of an agent that does something: as the terminal of its certificate, while that is one. */
#include "console/rules/actor.h"
#include "console/server/call.h"

/* Return: 0, 1 refused (answered), negative errno. */
int sk_agent_check(SkCall *call);

/* Runs the rule as the terminal, in a transaction. Return: as sk_call_act(). */
int sk_agent_act(SkCall *call, int (*rule)(const SkActor *actor, void *userdata), void *userdata);
