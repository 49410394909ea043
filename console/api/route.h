/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * From the bytes of a request's first line to an operation and its parameters. Pure.
 */
#include <jansson.h>

#include "console/api/validate.h"

#define SK_ROUTE_PATH_MAX 1024
#define SK_ROUTE_SEGMENTS_MAX 16
#define SK_ROUTE_QUERY_MAX 4096

typedef struct SkRoute {
	const SkApiOperation *operation; /* NULL: not there, or not by this method */
	unsigned allowed;		 /* bits 1 << SkApiMethod of what the path knows; 0: no such path */
	/* The value of segment i of the path, decoded, when that segment is a parameter. */
	char values[SK_ROUTE_SEGMENTS_MAX][SK_ROUTE_PATH_MAX / 4];
} SkRoute;

/*
 * path: as it came, with its percents, without the query. audience: which operations this listener has
 * (agents: SK_API_AGENT; people: SK_API_PEOPLE; public ones are on both). HEAD finds GET.
 * Return: 0; -EINVAL the path cannot be decoded (a lone %, a 0 byte, no UTF-8, too long).
 */
int sk_route_find(SkApiMethod method, const char *path, SkApiAudience audience, SkRoute *ret_route);

/* Decodes %XX in place (plus_is_blank: and +). Return: 0, or -EINVAL for a bad escape, a 0 byte or no UTF-8.
 */
int sk_route_decode(char *text, bool plus_is_blank);

/*
 * Parameters of path and query, typed as the contract says, defaults filled in; each stands there once. Path
 * parameters that do not fit are -ENOENT (no such row can be), those of the query are faults.
 * pairs: of the query, decoded. Return: 0 (look at faults), -ENOENT, -ENOMEM.
 */
typedef struct SkQueryPair {
	const char *name, *value; /* value may be NULL: ?name */
} SkQueryPair;

/* Splits and decodes a query (NULL: none) in place. Return: 0; -EINVAL bad escapes, too long, or more than
 * max. */
int sk_route_query(char *query, SkQueryPair *ret_pairs, size_t max, size_t *ret_count);

int sk_route_parameters(const SkRoute *route, const SkQueryPair *pairs, size_t n_pairs, json_t **ret_values,
	SkFaults *faults);
