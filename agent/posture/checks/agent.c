/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Are the agent's own files as the package brought them, and its units not overridden? The package has a list
 * of digests, and dpkg has one of the list.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/files.h"
#include "agent/posture/sums.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define MANIFEST "usr/share/sekisho/manifest"
#define DPKG_SUMS "/var/lib/dpkg/info/sekisho-agent.md5sums"
#define LIST_MAX (1u << 20)
#define FILE_MAX (64u << 20)
#define FILES_MAX 1000
#define PATH_SIZE 512

typedef struct Look {
	const Posture *posture;
	PostureResult *result;
	const char *directory;
	uid_t owner; /* of the root: root itself, but in tests */
	unsigned files, changed, overridden;
} Look;

static void tell(Look *look, const char *path, const char *what)
{
	posture_value(look->result, "%s: %s", path, what);
	look->changed++;
}

/* path: without its first "/". */
static void look_at_file(Look *look, const char *path, SumKind kind, const char *expected)
{
	own_fd int fd = file_open(look->posture, path);
	char hex[SUM_HEX_SIZE];
	struct stat st;
	int r;

	if (fd < 0) {
		tell(look, path, fd == -ENOENT ? "missing" : "cannot be read");
		return;
	}
	r = sum_file(fd, kind, FILE_MAX, hex);
	if (r == -ENOTSUP)
		return;
	if (r < 0 || !sk_str_eq(hex, expected))
		tell(look, path, "changed");
	else if (fstat(fd, &st) < 0 || st.st_uid != look->owner || st.st_mode & (S_IWGRP | S_IWOTH))
		tell(look, path, "others may change it");
}

/* Lines of sha256sum and md5sum: DIGEST  PATH. */
static char *split(char *line)
{
	char *path = strstr(line, "  ");

	if (!path)
		return NULL;
	*path = 0;
	return path + 2;
}

static int look_at_manifest(Look *look)
{
	own_free char *text = NULL;
	char *rest, *line, *path;
	int r = file_read(look->posture, MANIFEST, LIST_MAX, &text, NULL);

	if (r < 0)
		return r;
	rest = text;
	while ((line = file_next_line(&rest)) && look->files < FILES_MAX)
		if ((path = split(line))) {
			look_at_file(look, path, SUM_SHA256, line);
			look->files++;
		}
	return look->files > 0 ? 0 : -EBADMSG;
}

/* The list itself, as dpkg knows it. */
static void look_at_list(Look *look)
{
	own_free char *text = NULL;
	char *rest, *line, *path;

	if (file_read(look->posture, DPKG_SUMS, LIST_MAX, &text, NULL) < 0)
		return;
	rest = text;
	while ((line = file_next_line(&rest)))
		if ((path = split(line)) && sk_str_eq(path, MANIFEST))
			look_at_file(look, path, SUM_MD5, line);
}

static bool is_masked(const Posture *posture, const char *path)
{
	struct stat st;

	/* A link to /dev/null, or an empty file: nothing is left of the unit. */
	if (file_stat(posture, path, &st) < 0)
		return false;
	return S_ISLNK(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size == 0);
}

static int on_override(void *userdata, const char *name)
{
	Look *look = userdata;
	char path[PATH_SIZE];

	if (!sk_str_starts(name, "sekisho") ||
		!sk_str_format(path, sizeof(path), "%s/%s", look->directory, name))
		return 0;
	if (is_masked(look->posture, path)) {
		tell(look, path, "masked");
		return 0;
	}
	posture_value(look->result, "%s", path);
	look->overridden++;
	return 0;
}

static void look_at_units(Look *look)
{
	static const char *const directories[] = {"/etc/systemd/system", "/etc/systemd/system.control",
		"/run/systemd/system", "/run/systemd/system.control", "/usr/local/lib/systemd/system"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(directories); i++) {
		look->directory = directories[i];
		file_each(look->posture, directories[i], on_override, look);
	}
}

static void run(const Posture *posture, PostureResult *result)
{
	Look look = {.posture = posture, .result = result};
	struct stat st;
	int r;

	result->drift = 1;
	posture_threshold(result, "as packaged");
	if (fstat(posture->root_fd, &st) < 0)
		return;
	look.owner = st.st_uid;
	r = look_at_manifest(&look);
	look_at_list(&look);
	look_at_units(&look);
	if (look.changed > 0) {
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_AGENT_CHANGED);
	} else if (r < 0) {
		posture_value(result, "no list of files");
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_AGENT_NO_LIST);
	} else if (look.overridden > 0) {
		posture_judge(result, SK_POSTURE_WARN, SK_POSTURE_AGENT_OVERRIDDEN);
	} else {
		posture_value(result, "%u files", look.files);
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
	}
}

static const char *const paths[] = {
	"/usr", "/lib", "/etc/systemd", "/run/systemd", "/var/lib/dpkg/info", NULL};

const PostureCheck check_agent = {.id = "agent-files", .requirement = "MAL-5", .paths = paths, .run = run};
