/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Virus definitions of the console, in a directory beside the state: STATE-definitions/NAME. The list is a
 * document of the console (console_documents.c); what the uplink brings is copied while it is hashed, and
 * only what the list says takes its place. The scanner reads the newer of this directory and of the one that
 * the settings name.
 */
#include <jansson.h>
#include <stdint.h>

typedef struct Core Core;

#define DEFINITIONS_SUFFIX "-definitions"

/* Opens the directory; without it definitions of the console are refused. */
void definitions_open(Core *core);
void definitions_close(Core *core);

/* Is it a list? Return: 0 or -EBADMSG. */
int definitions_check_list(const json_t *payload);

/* A newer list is in force: what it does not name goes when all that it names is there. */
void definitions_list_changed(Core *core);

/*
 * The uplink asks about a file, or brings it (fd >= 0, borrowed). done is called once, maybe later: 0 it is
 * here; -ENOENT it is wanted; -EBADMSG it is not the one of the list; -EBUSY another one is being copied;
 * others.
 */
typedef void (*DefinitionsDone)(Core *core, uint64_t cookie, int result);
void definitions_take(Core *core, const char *sha256, int fd, uint64_t cookie, DefinitionsDone done);

/* Nobody waits for an answer any more: what is being copied comes again. */
void definitions_uplink_lost(void);

/* When the newest of them was built, in seconds since 1970; 0: there are none. */
int64_t definitions_built(const Core *core);
