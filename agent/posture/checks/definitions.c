/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How old are the virus definitions, against the two limits of the settings? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/files.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define HEADER_SIZE 512
#define MAGIC "ClamAV-VDB"
#define VERSION_FIELD 2
#define TIME_FIELD 8
#define TIME_MAX_SEC (1ull << 40)
/* A clock that is a little wrong is not these. */
#define FUTURE_SEC 86400

typedef struct Newest {
	const Posture *posture;
	const char *directory;
	char name[64];
	char version[32];
	int64_t time;
} Newest;

/* Only what libclamav loads, and that can be said to have an age. */
static bool is_definitions(const char *name)
{
	static const char *const suffixes[] = {
		".cvd", ".cld", ".cud", ".hdb", ".hsb", ".ndb", ".ldb", ".mdb", ".yar", ".cdb", ".db"};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < SK_ARRAY_SIZE(suffixes); i++)
		if (sk_str_eq(dot, suffixes[i]))
			return true;
	return false;
}

/* The head of a container: fields with colons between. Return: when it was built; 0: it is none. */
static int64_t parse_header(char *header, char *version, size_t size)
{
	char *field, *rest = header;
	uint64_t built;

	for (unsigned i = 0; i < TIME_FIELD; i++) {
		field = strsep(&rest, ":");
		if (!rest || (i == 0 && !sk_str_eq(field, MAGIC)))
			return 0;
		if (i == VERSION_FIELD && !sk_str_copy(version, size, field))
			return 0;
	}
	rest[strspn(rest, "0123456789")] = 0;
	return sk_num_parse(rest, 10, TIME_MAX_SEC, &built) == 0 ? (int64_t)built : 0;
}

static int look(void *userdata, const char *name)
{
	Newest *newest = userdata;
	char path[1024], header[HEADER_SIZE + 1] = "", version[32] = "";
	own_fd int fd = -1;
	int64_t built = 0;
	struct stat st;

	if (!is_definitions(name) || !sk_str_format(path, sizeof(path), "%s/%s", newest->directory, name))
		return 0;
	fd = file_open(newest->posture, path);
	if (fd < 0 || fstat(fd, &st) < 0 || sk_io_read_up_to(fd, header, HEADER_SIZE) < 0)
		return 0;
	built = parse_header(header, version, sizeof(version));
	if (built == 0)
		built = st.st_mtim.tv_sec;
	if (built > newest->time) {
		newest->time = built;
		sk_str_copy(newest->name, sizeof(newest->name), name);
		sk_str_copy(newest->version, sizeof(newest->version), version);
	}
	return 0;
}

static void run(const Posture *posture, PostureResult *result)
{
	const SkPostureOptions *options = posture->options;
	Newest newest = {.posture = posture};
	int64_t days;

	posture_threshold(result, "%u days", options->definitions_warn);
	if (options->definitions_refuse)
		posture_threshold(result, "%u days", options->definitions_refuse);
	for (size_t i = 0; i < SK_ARRAY_SIZE(options->definitions); i++) {
		newest.directory = options->definitions[i];
		if (newest.directory[0])
			file_each(posture, newest.directory, look, &newest);
	}
	if (newest.time == 0) {
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_DEFINITIONS_MISSING);
		return;
	}
	posture_value(result, "%s%s%s", newest.name, newest.version[0] ? " " : "", newest.version);
	if (newest.time > posture->now + FUTURE_SEC) {
		posture_value(result, "made in the future");
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_CLOCK_OFF);
		return;
	}
	days = posture_days_since(posture, newest.time);
	posture_value(result, "%lld days", (long long)days);
	if (options->definitions_refuse && days > options->definitions_refuse)
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_DEFINITIONS_OLD);
	else if (days > options->definitions_warn)
		posture_judge(result, SK_POSTURE_WARN, SK_POSTURE_DEFINITIONS_AGEING);
	else
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static const char *const paths[] = {NULL};

const PostureCheck check_definitions = {
	.id = "definitions", .requirement = "MAL-2", .paths = paths, .uses = POSTURE_DEFINITIONS, .run = run};
