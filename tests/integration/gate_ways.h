/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The ways by which an unprivileged program may try to get at the content of a file.
 */
#include <stdbool.h>
#include <stddef.h>

/* Does this machine let users make user namespaces? Return: 0 or the errno. */
int gate_ways_namespaces(const char *file);

/* What a way meets. */
#define WAY_CONTENT 0 /* it has the content */
#define WAY_ANY_ERROR -1

typedef struct Way {
	const char *name;
	/* Runs in a process of its own, as the user, in the root of the medium. Return: WAY_CONTENT or the
	 * errno that stopped it. */
	int (*try)(const char *file);
	int clean, evil; /* expected: WAY_CONTENT, an errno, or WAY_ANY_ERROR */
	bool needs_namespace;
} Way;

extern const Way gate_ways[];
extern const size_t n_gate_ways;
