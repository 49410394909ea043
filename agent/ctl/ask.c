/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_SIZE 256

char *ctl_ask_line(const char *prompt)
{
	char *line = calloc(1, LINE_MAX_SIZE);

	if (!line)
		return NULL;
	if (isatty(STDIN_FILENO)) {
		fprintf(stderr, "%s ", prompt);
		fflush(stderr);
	}
	if (!fgets(line, LINE_MAX_SIZE, stdin)) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = 0;
	return line;
}
