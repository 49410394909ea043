/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is there an account that lets somebody in without a password? */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/files.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define FILE_MAX (4u << 20)
#define SHELL_FIELD 6

/* Accounts that nobody signs in to. */
static bool is_closed(const char *shell)
{
	const char *name = strrchr(shell, '/');

	name = name ? name + 1 : shell;
	return sk_str_eq(name, "nologin") || sk_str_eq(name, "false") || sk_str_eq(name, "sync");
}

/* The shell of an account, cut out of a copy of /etc/passwd; "" when it has no line: it counts as open. */
static void find_shell(const char *passwd, const char *user, char *shell, size_t size)
{
	size_t length = strlen(user);

	shell[0] = 0;
	for (const char *line = passwd; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *field = line;

		if (strncmp(line, user, length) != 0 || line[length] != ':')
			continue;
		for (unsigned i = 0; field && i < SHELL_FIELD; i++) {
			field = strpbrk(field, ":\n");
			field = field && *field == ':' ? field + 1 : NULL;
		}
		if (field)
			sk_str_format(shell, size, "%.*s", (int)strcspn(field, "\n"), field);
		return;
	}
}

/* Names of a file NAME:PASSWORD:... with an empty password. Return: how many. */
static unsigned list_open(char *text, const char *passwd, PostureResult *result)
{
	char *rest = text, *line, shell[256];
	unsigned count = 0;

	while ((line = file_next_line(&rest))) {
		char *password = strchr(line, ':');

		if (!password || password == line || password[1] != ':')
			continue;
		*password = 0;
		find_shell(passwd, line, shell, sizeof(shell));
		if (shell[0] && is_closed(shell))
			continue;
		posture_value(result, "%s", line);
		count++;
	}
	return count;
}

static void run(const Posture *posture, PostureResult *result)
{
	own_free char *passwd = NULL, *copy = NULL, *shadow = NULL;
	unsigned count;

	posture_threshold(result, "0");
	if (file_read(posture, "/etc/passwd", FILE_MAX, &passwd, NULL) < 0 || posture->fds.shadow < 0 ||
		file_read_fd(posture->fds.shadow, FILE_MAX, &shadow, NULL) < 0) {
		posture_judge(result, SK_POSTURE_UNKNOWN, SK_POSTURE_ACCOUNTS_UNKNOWN);
		return;
	}
	copy = strdup(passwd);
	if (!copy)
		return;
	count = list_open(shadow, passwd, result) + list_open(copy, passwd, result);
	if (count > 0) {
		posture_judge(result, SK_POSTURE_FAIL, SK_POSTURE_ACCOUNTS_OPEN);
		return;
	}
	posture_value(result, "0");
	posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}

static const char *const paths[] = {"/etc/passwd", NULL};

const PostureCheck check_accounts = {.id = "passwords", .requirement = "EQP-1", .paths = paths, .run = run};
