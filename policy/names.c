/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "policy/rule.h"

const char *const sk_constraint_names[SK_CONSTRAINT_COUNT_] = {
	[SK_POLICY_ID] = "id",
	[SK_POLICY_SERIAL] = "serial",
	[SK_POLICY_NAME] = "name",
	[SK_POLICY_HASH] = "hash",
	[SK_POLICY_PARENT_HASH] = "parent-hash",
	[SK_POLICY_VIA_PORT] = "via-port",
	[SK_POLICY_WITH_CONNECT_TYPE] = "with-connect-type",
	[SK_CONSTRAINT_INTERFACE] = "with-interface",
	[SK_CONSTRAINT_BUS] = "bus",
	[SK_CONSTRAINT_REGISTERED] = "registered",
	[SK_CONSTRAINT_APPROVED] = "approved",
	[SK_CONSTRAINT_USER] = "user",
	[SK_CONSTRAINT_GROUP] = "group",
	[SK_CONSTRAINT_SCREEN_LOCKED] = "screen-locked",
	[SK_CONSTRAINT_CONDITIONS] = "if",
	[SK_CONSTRAINT_TIME] = "time",
};

const char *const sk_set_names[SK_SET_COUNT_] = {
	[SK_SET_EQUALS] = "equals",
	[SK_SET_ALL_OF] = "all-of",
	[SK_SET_ONE_OF] = "one-of",
	[SK_SET_NONE_OF] = "none-of",
	[SK_SET_EQUALS_ORDERED] = "equals-ordered",
	[SK_SET_MATCH_ALL] = "match-all",
};

const char *const sk_bus_names[SK_POLICY_BUS_COUNT_] = {
	[SK_POLICY_BUS_UNKNOWN] = "unknown",
	[SK_POLICY_BUS_USB] = "usb",
	[SK_POLICY_BUS_SD] = "sd",
	[SK_POLICY_BUS_OPTICAL] = "optical",
	[SK_POLICY_BUS_THUNDERBOLT] = "thunderbolt",
	[SK_POLICY_BUS_ESATA] = "esata",
};

static const char *const target_names[] = {
	[SK_POLICY_ALLOW] = "allow",
	[SK_POLICY_BLOCK] = "block",
	[SK_POLICY_REJECT] = "reject",
	[SK_POLICY_MATCH] = "match",
	[SK_POLICY_DEVICE] = "device",
};

const char *sk_policy_target_name(SkPolicyTarget target)
{
	return target_names[target];
}

int sk_name_find(const char *const *names, size_t n, const char *word, size_t size)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(names[i]) == size && memcmp(names[i], word, size) == 0)
			return (int)i;
	return -1;
}
