/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A backup of any bytes, and its texts as times: read to an end, and a time that is taken is written as
 * itself. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "console/db/backup_inside.h"
#include "console/store/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static int on_header(void *userdata, const SkBackupReport *report)
{
	require(report->schema == 1);
	return 0;
}

static int on_table(void *userdata, const char *name, json_t *columns, json_t *types)
{
	size_t *width = userdata;

	*width = json_array_size(columns);
	require(name && *width > 0 && *width <= SK_BACKUP_COLUMNS_MAX && json_array_size(types) == *width);
	return 0;
}

static int on_row(void *userdata, json_t *values)
{
	require(json_array_size(values) == *(size_t *)userdata);
	return 0;
}

static void try_time(const uint8_t *data, size_t size)
{
	char text[64], written[SK_TIME_SIZE], again[SK_TIME_SIZE];
	int64_t time, same;

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (sk_time_parse(text, &time) < 0)
		return;
	require(sk_time_format(written, time));
	require(sk_time_parse(written, &same) == 0 && same == time);
	require(sk_time_format(again, same) && strcmp(written, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const SkMigration one = {1, "one", "x", "", ""};
	const SkMigrations migrations = {.list = &one, .count = 1};
	size_t width = 0;
	const SkBackupVisitor visitor = {on_header, on_table, on_row, &width};
	own_file FILE *in = size > 0 ? fmemopen((void *)data, size, "r") : NULL;
	SkBackupReport report;

	if (in && sk_backup_read(in, &migrations, &visitor, &report) == 0)
		require(report.schema == 1 && report.rows >= 0);
	try_time(data, size);
	return 0;
}
