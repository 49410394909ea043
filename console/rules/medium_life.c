/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/medium_life.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define IN(state) (1u << SK_MEDIUM_##state)

/* Where a medium may be when it is lost or taken out of use. */
#define LIVING                                                                                               \
	(IN(PREPARED) | IN(IN_STOCK) | IN(REQUESTED) | IN(APPROVED) | IN(OUT) | IN(RETURNED) | IN(INSPECTED))
/* Nobody waits for it and nobody holds it. */
#define IDLE (IN(PREPARED) | IN(IN_STOCK) | IN(RETURNED) | IN(INSPECTED))

static const SkMediumTransition transitions[] = {
	{SK_MEDIUM_STOCK, IN(PREPARED) | IN(INSPECTED), SK_MEDIUM_IN_STOCK, 0},
	{SK_MEDIUM_REQUEST, IN(IN_STOCK), SK_MEDIUM_REQUESTED, SK_LIFE_REQUEST},
	{SK_MEDIUM_WITHDRAW, IN(REQUESTED) | IN(APPROVED), SK_MEDIUM_IN_STOCK, SK_LIFE_REQUEST},
	{SK_MEDIUM_APPROVE, IN(REQUESTED), SK_MEDIUM_APPROVED, SK_LIFE_REQUEST},
	{SK_MEDIUM_CARRY_OUT, IN(APPROVED), SK_MEDIUM_OUT, SK_LIFE_REQUEST},
	{SK_MEDIUM_RETURN, IN(OUT), SK_MEDIUM_RETURNED, 0},
	{SK_MEDIUM_INSPECT, IN(RETURNED), SK_MEDIUM_INSPECTED, 0},
	/* A found one can be lost again. */
	{SK_MEDIUM_LOSE, LIVING | IN(FOUND), SK_MEDIUM_LOST, SK_LIFE_REASON},
	{SK_MEDIUM_REVOKE, IN(LOST), SK_MEDIUM_REVOKED, SK_LIFE_KEY_GONE},
	{SK_MEDIUM_FIND, IN(LOST) | IN(REVOKED), SK_MEDIUM_FOUND, SK_LIFE_REASON},
	{SK_MEDIUM_TAKE_BACK, IN(FOUND), SK_MEDIUM_RETURNED, SK_LIFE_REASON | SK_LIFE_KEY_LIVES},
	{SK_MEDIUM_RETIRE, IDLE | IN(FOUND), SK_MEDIUM_RETIRED, SK_LIFE_REASON},
	{SK_MEDIUM_ERASE, IN(RETIRED), SK_MEDIUM_ERASED, SK_LIFE_CERTIFICATE},
	{SK_MEDIUM_DESTROY, IN(RETIRED), SK_MEDIUM_DESTROYED, SK_LIFE_CERTIFICATE | SK_LIFE_SECOND},
};

static const char *const states[SK_MEDIUM_STATE_MAX] = {
	[SK_MEDIUM_PREPARED] = "prepared",
	[SK_MEDIUM_IN_STOCK] = "in-stock",
	[SK_MEDIUM_REQUESTED] = "requested",
	[SK_MEDIUM_APPROVED] = "approved",
	[SK_MEDIUM_OUT] = "out",
	[SK_MEDIUM_RETURNED] = "returned",
	[SK_MEDIUM_INSPECTED] = "inspected",
	[SK_MEDIUM_LOST] = "lost",
	[SK_MEDIUM_REVOKED] = "revoked",
	[SK_MEDIUM_FOUND] = "found",
	[SK_MEDIUM_RETIRED] = "retired",
	[SK_MEDIUM_ERASED] = "erased",
	[SK_MEDIUM_DESTROYED] = "destroyed",
};

static const char *const actions[SK_MEDIUM_ACTION_MAX] = {
	[SK_MEDIUM_STOCK] = "stock",
	[SK_MEDIUM_REQUEST] = "request",
	[SK_MEDIUM_WITHDRAW] = "withdraw",
	[SK_MEDIUM_APPROVE] = "approve",
	[SK_MEDIUM_CARRY_OUT] = "carry-out",
	[SK_MEDIUM_RETURN] = "return",
	[SK_MEDIUM_INSPECT] = "inspect",
	[SK_MEDIUM_LOSE] = "lose",
	[SK_MEDIUM_REVOKE] = "revoke",
	[SK_MEDIUM_FIND] = "find",
	[SK_MEDIUM_TAKE_BACK] = "take-back",
	[SK_MEDIUM_RETIRE] = "retire",
	[SK_MEDIUM_ERASE] = "erase",
	[SK_MEDIUM_DESTROY] = "destroy",
};

const SkMediumTransition *sk_medium_transition(SkMediumState state, SkMediumAction action)
{
	for (size_t i = 0; i < sizeof(transitions) / sizeof(*transitions); i++)
		if (transitions[i].action == action && transitions[i].from & 1u << state)
			return &transitions[i];
	return NULL;
}

static int find(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -EINVAL;
}

int sk_medium_state_parse(const char *word)
{
	return find(states, SK_MEDIUM_STATE_MAX, word);
}

int sk_medium_action_parse(const char *word)
{
	return find(actions, SK_MEDIUM_ACTION_MAX, word);
}

const char *sk_medium_state_name(SkMediumState state)
{
	return states[state];
}

const char *sk_medium_action_name(SkMediumAction action)
{
	return actions[action];
}

bool sk_medium_state_is_usable(SkMediumState state)
{
	return state == SK_MEDIUM_APPROVED || state == SK_MEDIUM_OUT;
}

bool sk_medium_state_is_refused(SkMediumState state)
{
	return state == SK_MEDIUM_LOST || state == SK_MEDIUM_REVOKED || state == SK_MEDIUM_FOUND ||
	       state == SK_MEDIUM_RETIRED;
}

bool sk_medium_state_is_final(SkMediumState state)
{
	return state == SK_MEDIUM_ERASED || state == SK_MEDIUM_DESTROYED;
}
