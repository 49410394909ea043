/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/agent_call.h"

#include <errno.h>

#include "console/rules/terminals.h"
#include "console/server/act.h"
#include "lib/reason/reason.h"

int sk_agent_check(SkCall *call)
{
	int r = sk_terminal_check(call->db, call->terminal);

	if (r != -ENOENT)
		return r;
	r = sk_call_refuse(call, SK_TERMINAL_UNKNOWN, NULL);
	return r < 0 ? r : 1;
}

typedef struct Acting {
	const char *terminal;
	int (*rule)(const SkActor *actor, void *userdata);
	void *userdata;
} Acting;

static int run_as_terminal(const SkActor *actor, void *userdata)
{
	const Acting *acting = userdata;
	SkActor terminal = *actor;

	terminal.scope = SK_SCOPE_ALL;
	terminal.terminal = acting->terminal;
	return acting->rule(&terminal, acting->userdata);
}

int sk_agent_act(SkCall *call, int (*rule)(const SkActor *actor, void *userdata), void *userdata)
{
	Acting acting = {call->terminal, rule, userdata};
	int r = sk_agent_check(call);

	return r != 0 ? r : sk_call_act(call, run_as_terminal, &acting);
}
