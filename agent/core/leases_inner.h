/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Between leases.c and leases_try.c. */
#include "agent/core/leases.h"

/* One lease: {statement: envelope, id, medium, grant, from, until, box, tries, over: "" or why}. */
struct Leases {
	json_t *list;
};

static inline const char *lease_text(const json_t *lease, const char *name)
{
	const char *text = json_string_value(json_object_get(lease, name));

	return text ? text : "";
}

static inline int64_t lease_time(const json_t *lease, const char *name)
{
	return json_integer_value(json_object_get(lease, name));
}

json_t *lease_find(const Core *core, const char *medium);
void lease_fill(const json_t *object, Lease *lease);

/* Its box is gone with the next leases_store(), and the console hears of it. */
void lease_end(Core *core, json_t *lease, const char *why);

/* Return: 0 or negative errno, which the journal has. */
int leases_store(const Core *core);
