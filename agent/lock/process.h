/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a process of a user's is, by what the kernel says of it and not by what it says of itself: its name,
 * its arguments and its environment are whatever it likes them to be.
 */
#include <stdbool.h>
#include <sys/types.h>

#define PROCESS_PATH_MAX 256

/*
 * The file it runs, as root sees it: a file of root's that nobody else can change, and no picture of the file
 * system that the user made for it.
 *
 * Return: false when it is not so.
 */
bool process_program(pid_t pid, char *path, size_t size);

/* Who started it: its real user. Return: false when it is gone. */
bool process_user(pid_t pid, uid_t *uid);

/* It is there, nobody stopped it, and nobody leads it by ptrace. */
bool process_runs(pid_t pid);

/* Among what it started, and what that started, and so on. Return: the first one wanted, or 0. */
pid_t process_find_below(pid_t pid, bool (*wanted)(pid_t pid, void *userdata), void *userdata);

/* Each process that is there, until visit() returns false. What ends meanwhile may be left out. Return: 0, or
 * -errno. */
int process_each(bool (*visit)(pid_t pid, void *userdata), void *userdata);

/* A file of /proc/PID. Return: its text, to be freed; NULL when it or the process is gone. */
char *process_read(pid_t pid, const char *name);
