/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Are only those modules of the kernel loaded that the administrator listed? A new one is drift, and news. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/files.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define LIST_MAX (256u << 10)
#define LOADED_MAX (1u << 20)

/* The kernel writes _ where a file's name may have -. */
static void normalize(char *name)
{
	for (; *name; name++)
		if (*name == '-')
			*name = '_';
}

/* patterns: the words of a text, cut up anew for each name. */
static bool is_listed(const char *name, const char *patterns)
{
	own_free char *copy = strdup(patterns);
	char *rest = copy, *word;

	while (copy && (word = file_next_word(&rest))) {
		normalize(word);
		if (fnmatch(word, name, 0) == 0)
			return true;
	}
	return false;
}

/* Comments become blanks. */
static void drop_comments(char *text)
{
	for (char *at = text; (at = strchr(at, '#'));)
		memset(at, ' ', strcspn(at, "\n"));
}

static int read_list(const Posture *posture, char **ret_patterns)
{
	own_free char *file = NULL;
	char *joined = NULL;
	int r = file_read(posture, posture->options->modules_file, LIST_MAX, &file, NULL);

	if (r == -ENOENT && posture->options->allowed_modules[0])
		r = 0;
	if (r < 0)
		return r;
	if (file)
		drop_comments(file);
	if (asprintf(&joined, "%s\n%s", file ? file : "", posture->options->allowed_modules) < 0)
		return -ENOMEM;
	*ret_patterns = joined;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In order of name, so that the same modules are the same value. */
static unsigned list_strangers(char *loaded, const char *patterns, PostureResult *result)
{
	char *strangers[256], *rest = loaded, *line, *name;
	unsigned count = 0;

	while ((line = file_next_line(&rest))) {
		name = file_next_word(&line);
		if (!name || is_listed(name, patterns))
			continue;
		if (count < SK_ARRAY_SIZE(strangers))
			strangers[count] = name;
		count++;
	}
	qsort(strangers, count < SK_ARRAY_SIZE(strangers) ? count : SK_ARRAY_SIZE(strangers),
		sizeof(*strangers), compare);
	if (count > 0)
		posture_value(result, "not on the list: %u", count);
	for (unsigned i = 0; i < count && i < SK_ARRAY_SIZE(strangers); i++)
		posture_value(result, "%s", strangers[i]);
	return count;
}

static void run(const Posture *posture, PostureResult *result)
{
	own_free char *loaded = NULL, *patterns = NULL;
	int r;

	result->drift = 1;
	posture_threshold(result, "%s", posture->options->modules_file);
	r = file_read(posture, "/proc/modules", LOADED_MAX, &loaded, NULL);
	if (r == -ENOENT && file_exists(posture, "/proc/version")) {
		posture_value(result, "a kernel without modules");
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
		return;
	}
	if (r < 0)
		return;
	r = read_list(posture, &patterns);
	if (r < 0) {
		posture_value(result, r == -ENOENT ? "no list" : "the list cannot be read");
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_MODULES_NO_LIST);
		return;
	}
	if (list_strangers(loaded, patterns, result) > 0)
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_MODULES_DRIFT);
	else
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static const char *const paths[] = {"/proc", NULL};

const PostureCheck check_modules = {.id = "kernel-modules",
	.requirement = "DEV-2",
	.paths = paths,
	.uses = POSTURE_MODULES_FILE,
	.run = run};
