/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile line of an audit log. What our walk accepts must be what jansson reads, and the pieces must be
 * inside.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audit/json_check.h"
#include "lib/audit/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void require_inside(SkAuditText piece, const char *text, size_t size)
{
	require(piece.text >= text && piece.text + piece.size <= text + size);
}

static void check_line(const char *text, size_t size)
{
	SkAuditRecord record;
	SkSeal seal;
	json_t *json;

	if (sk_line_parse(text, size, &record) < 0)
		return;
	json = json_loadb(text, size, 0, NULL);
	require(json_is_object(json));
	require((uint64_t)json_integer_value(json_object_get(json, "seq")) == record.seq);
	require(json_is_object(json_object_get(json, "body")));
	json_decref(json);
	require_inside(record.prev, text, size);
	require_inside(record.actor, text, size);
	require_inside(record.kind, text, size);
	require_inside(record.body, text, size);
	if (sk_seal_parse(&record, &seal) == 0)
		require(seal.covered < size);
}

static void check_value(const char *text, size_t size)
{
	const char *p = text;
	json_t *json;

	if (!sk_json_skip_value(&p, text + size))
		return;
	require(p > text && p <= text + size);
	json = json_loadb(text, (size_t)(p - text), JSON_DECODE_ANY, NULL);
	require(json != NULL);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_line((const char *)data, size);
	check_value((const char *)data, size);
	return 0;
}
