/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Forking a child that keeps nothing of the parent but its memory (the loaded engine, the reason to fork and
 * not to start a program) and one socket. It ends with the parent.
 */
#include <sys/types.h>

typedef void (*ChildRun)(int fd, void *userdata);

/*
 * run() must not return. Return: pid, or negative errno; ret_fd: the parent's end of a SOCK_SEQPACKET pair,
 * non-blocking; the child's end blocks.
 */
pid_t child_spawn(ChildRun run, void *userdata, int *ret_fd);

/* Before the jail: keeps open what sets the order in which memory is taken back. */
void child_init(void);
