/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who sends a request, and may they? Everything that is decided before the body is looked at. No HTTP
 * library: the headers that matter come in a struct.
 */
#include "console/server/call.h"

typedef struct SkHeaders {
	const char *cookie; /* of the session; NULL: none. All may be NULL. */
	const char *csrf;
	const char *fetch_site; /* Sec-Fetch-Site */
	const char *content_type, *content_length, *transfer_encoding;
} SkHeaders;

/* The call's operation is known. Return: 0 (look at call->reply.status: 0 is admitted) or negative errno. */
int sk_admit(SkCall *call, const SkHeaders *headers);

/* Too much from this address? Refuses it then and returns false. */
bool sk_admit_rate(SkCall *call);
