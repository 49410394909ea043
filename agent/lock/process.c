/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define TEXT_MAX 65536
/* A shell that starts a script that starts the locker. */
#define DEPTH_MAX 3
/* What the kernel appends when the file was replaced, by an upgrade for instance. */
#define REPLACED " (deleted)"

static bool link_of(pid_t pid, const char *name, char *target, size_t size)
{
	char path[64];
	ssize_t n;

	if (!sk_str_format(path, sizeof(path), "/proc/%d/%s", (int)pid, name))
		return false;
	n = readlink(path, target, size);
	if (n <= 0 || (size_t)n >= size)
		return false;
	target[n] = 0;
	return true;
}

/* Whoever may make a mount namespace of his own may put any program of root's at any path in it. */
static bool sees_what_root_sees(pid_t pid)
{
	char own[64], of_root[64];

	return link_of(pid, "ns/mnt", own, sizeof(own)) && link_of(1, "ns/mnt", of_root, sizeof(of_root)) &&
	       sk_str_eq(own, of_root);
}

bool process_program(pid_t pid, char *path, size_t size)
{
	char file[64];
	struct stat st;

	if (!link_of(pid, "exe", path, size) || !sees_what_root_sees(pid) ||
		!sk_str_format(file, sizeof(file), "/proc/%d/exe", (int)pid) || stat(file, &st) < 0 ||
		!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return false;
	size_t length = strlen(path), cut = strlen(REPLACED);

	if (length > cut && sk_str_eq(path + length - cut, REPLACED))
		path[length - cut] = 0;
	return true;
}

char *process_read(pid_t pid, const char *name)
{
	char path[64], *text = NULL;

	if (!sk_str_format(path, sizeof(path), "/proc/%d/%s", (int)pid, name) ||
		sk_io_read_file_at(AT_FDCWD, path, TEXT_MAX, &text, NULL) < 0)
		return NULL;
	return text;
}

bool process_runs(pid_t pid)
{
	own_free char *status = process_read(pid, "status");
	const char *state = status ? strstr(status, "\nState:\t") : NULL;
	const char *tracer = status ? strstr(status, "\nTracerPid:\t") : NULL;

	return state && tracer && strchr("RSD", state[strlen("\nState:\t")]) &&
	       sk_str_starts(tracer, "\nTracerPid:\t0\n");
}

bool process_user(pid_t pid, uid_t *uid)
{
	own_free char *status = process_read(pid, "status");
	const char *line = status ? strstr(status, "\nUid:\t") : NULL;

	return line && sscanf(line, "\nUid:\t%u", uid) == 1;
}

static pid_t find_below(pid_t pid, unsigned depth, bool (*wanted)(pid_t pid, void *userdata), void *userdata)
{
	char name[48];
	own_free char *children = NULL;
	char *rest = NULL;
	pid_t found = 0;

	if (!sk_str_format(name, sizeof(name), "task/%d/children", (int)pid))
		return 0;
	children = process_read(pid, name);
	for (char *word = children ? strtok_r(children, " ", &rest) : NULL; word && !found;
		word = strtok_r(NULL, " ", &rest)) {
		pid_t child = (pid_t)strtol(word, NULL, 10);

		if (child <= 0)
			continue;
		found = wanted(child, userdata) ? child
			: depth > 1		? find_below(child, depth - 1, wanted, userdata)
						: 0;
	}
	return found;
}

pid_t process_find_below(pid_t pid, bool (*wanted)(pid_t pid, void *userdata), void *userdata)
{
	return find_below(pid, DEPTH_MAX, wanted, userdata);
}

int process_each(bool (*visit)(pid_t pid, void *userdata), void *userdata)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	bool go_on = true;

	if (!dir)
		return -errno;
	while (go_on && (entry = readdir(dir)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			go_on = visit((pid_t)strtol(entry->d_name, NULL, 10), userdata);
	closedir(dir);
	return 0;
}
