/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request of any bytes: METHOD digit, path, a line end, and a body of JSON. Router, query and every schema
 * that the path leads to. What is found wrong must be told with a place and words that are valid UTF-8.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "console/api/route.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_faults(const SkFaults *faults)
{
	require(faults->count <= SK_VALIDATE_MAX);
	for (size_t i = 0; i < faults->count; i++) {
		require(sk_utf8_check(faults->items[i].pointer, strlen(faults->items[i].pointer)));
		require(faults->items[i].detail[0] != 0);
		require(sk_utf8_check(faults->items[i].detail, strlen(faults->items[i].detail)));
	}
	json_decref(sk_faults_to_json(faults));
}

static void check_body(const SkApiNode *node, const char *text, size_t size)
{
	SkFaults faults = {0};
	json_t *body = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);

	if (!body)
		return;
	require(sk_validate(node, body, &faults) == (faults.count == 0));
	check_faults(&faults);
	json_decref(body);
}

static void check_request(SkApiMethod method, char *uri, const char *body, size_t body_size)
{
	char *query = strchr(uri, '?');
	SkQueryPair pairs[32];
	SkFaults faults = {0};
	json_t *values = NULL;
	SkRoute route;
	size_t count = 0;

	if (query)
		*query++ = 0;
	if (sk_route_query(query, pairs, 32, &count) < 0 ||
		sk_route_find(method, uri, SK_API_PEOPLE, &route) < 0 || !route.operation)
		return;
	if (sk_route_parameters(&route, pairs, count, &values, &faults) == 0)
		require(json_is_object(values));
	check_faults(&faults);
	json_decref(values);
	if (route.operation->body)
		check_body(route.operation->body, body, body_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 1 ? memchr(data, '\n', size) : NULL;
	size_t length = end ? (size_t)(end - data) : 0;
	char *uri;

	if (length < 2 || length > 6000 || memchr(data, 0, length))
		return 0;
	uri = sk_str_dup((const char *)data + 1, length - 1);
	if (!uri)
		return 0;
	check_request(
		(SkApiMethod)(data[0] % SK_API_METHOD_MAX), uri, (const char *)end + 1, size - length - 1);
	free(uri);
	/* And the schemas by number, whatever the path says. */
	const SkApiNode *node = sk_api_operations[data[0] % sk_api_operations_size].body;

	if (node)
		check_body(node, (const char *)end + 1, size - length - 1);
	return 0;
}
