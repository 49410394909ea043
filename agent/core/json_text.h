/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include <jansson.h>

/* A member that is text, or "": of what core has checked or keeps itself. */
static inline const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}
