/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs that the settings forbid (file sharing): as a package, as a file, and as a process that runs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/files.h"
#include "agent/posture/packages.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define WORDS_MAX 512
#define COMMAND_SIZE 4096
#define COMM_MAX 15 /* the kernel cuts names of processes */
#define ARGUMENTS 3 /* the program, and of an interpreter or wine what it runs */

typedef struct Forbidden {
	const Posture *posture;
	PostureResult *result;
	const char *words[WORDS_MAX];
	bool running[WORDS_MAX]; /* told already */
	size_t count;
	unsigned found;
} Forbidden;

static void tell(Forbidden *forbidden, const char *kind, const char *what)
{
	posture_value(forbidden->result, "%s %s", kind, what);
	forbidden->found++;
}

static const char *base_name(const char *path)
{
	for (const char *c = path; *c; c++)
		if (*c == '/' || *c == '\\')
			path = c + 1;
	return path;
}

static bool matches(const char *word, const char *argument)
{
	return word[0] == '/' ? sk_str_eq(word, argument) : strcasecmp(word, base_name(argument)) == 0;
}

/* Its name, or one of its first arguments: what a program says of itself, which another user's process cannot
 * be asked behind without a privilege. */
static bool is_running(const char *word, const char *comm, const char *const *arguments)
{
	if (strncasecmp(word, comm, COMM_MAX) == 0 &&
		(strlen(word) == strlen(comm) || strlen(comm) == COMM_MAX))
		return true;
	for (size_t i = 0; i < ARGUMENTS; i++)
		if (arguments[i] && matches(word, arguments[i]))
			return true;
	return false;
}

/* The first bytes of a command line, cut into arguments. */
static void read_arguments(
	const Posture *posture, const char *pid, char *command, size_t size, const char **arguments)
{
	char path[64];
	own_fd int fd = -1;
	ssize_t n;
	size_t at = 0;

	sk_str_format(path, sizeof(path), "/proc/%s/cmdline", pid);
	fd = file_open(posture, path);
	n = fd < 0 ? -1 : sk_io_read_up_to(fd, command, size - 1);
	command[n > 0 ? n : 0] = 0;
	for (size_t i = 0; i < ARGUMENTS && n > 0 && at < (size_t)n; i++) {
		arguments[i] = command + at;
		at += strlen(command + at) + 1;
	}
}

static int on_process(void *userdata, const char *name)
{
	Forbidden *forbidden = userdata;
	char path[64], comm[64] = "", command[COMMAND_SIZE];
	const char *arguments[ARGUMENTS] = {NULL};

	if (strspn(name, "0123456789") != strlen(name) || strlen(name) > 10)
		return 0;
	sk_str_format(path, sizeof(path), "/proc/%s/comm", name);
	if (file_read_word(forbidden->posture, path, comm, sizeof(comm)) < 0)
		return 0; /* it has ended */
	read_arguments(forbidden->posture, name, command, sizeof(command), arguments);
	for (size_t i = 0; i < forbidden->count; i++)
		if (!forbidden->running[i] && is_running(forbidden->words[i], comm, arguments)) {
			forbidden->running[i] = true;
			tell(forbidden, "process", forbidden->words[i]);
		}
	return 0;
}

static void look_at_files(Forbidden *forbidden)
{
	Packages packages = {0};
	int r = packages_read(forbidden->posture, &packages);

	for (size_t i = 0; i < forbidden->count; i++) {
		const char *word = forbidden->words[i];

		if (word[0] == '/' && file_exists(forbidden->posture, word))
			tell(forbidden, "file", word);
		else if (word[0] != '/' && packages_has(&packages, word))
			tell(forbidden, "package", word);
	}
	if (r < 0) {
		posture_value(forbidden->result, "the list of packages cannot be read");
		forbidden->result->state = SK_POSTURE_UNKNOWN;
	}
	packages_free(&packages);
}

static void run(const Posture *posture, PostureResult *result)
{
	own_free char *words = strdup(posture->options->forbidden);
	own_free Forbidden *forbidden = calloc(1, sizeof(*forbidden));
	char *rest = words, *word;

	if (!words || !forbidden)
		return;
	*forbidden = (Forbidden){.posture = posture, .result = result};
	while (forbidden->count < WORDS_MAX && (word = file_next_word(&rest)))
		forbidden->words[forbidden->count++] = word;
	posture_threshold(result, "none of %zu", forbidden->count);
	posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
	look_at_files(forbidden);
	file_each(posture, "/proc", on_process, forbidden);
	if (forbidden->found > 0) {
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_PROGRAMS_FOUND);
	} else if (result->state == SK_POSTURE_UNKNOWN) {
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_PACKAGES_UNKNOWN);
	} else {
		posture_value(result, "none");
	}
}

static const char *const paths[] = {"/proc", "/var/lib/dpkg", "/var/lib/rpm", "/usr/lib/sysimage/rpm", NULL};

const PostureCheck check_programs = {
	.id = "forbidden-programs", .requirement = "EQP-1", .paths = paths, .run = run};
