/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Who signs in at this PC, and whether he may at this hour (LOG-1, LOCK-2). pam_sekisho asks over
 * /run/sekisho/sign-in.sock, where only root is heard; everything it tells is on record, and the last sign-in
 * of each user is in STATE/sign-ins.json. The hours are [SignIn] of the settings, by the wall clock; they
 * bind nobody while nothing is enforced, or while the clock is known to be wrong.
 */
#include <jansson.h>
#include <sys/types.h>

#include "lib/ipc/chan.h"

typedef struct Core Core;
typedef struct SignIn SignIn;

/* What a connection of pam_sekisho may say; handlers get it, not the Core. */
extern const SkMsgSpec sign_in_specs[];

/* Reads what is kept. Return: 0 or negative errno. */
int sign_in_open(Core *core);
void sign_in_close(Core *core);

/* systemd's socket, which is taken over. */
void sign_in_listen(Core *core, int fd);

/* The hours or the mode may be others than before. Who is signed in when the hours end is locked, not ended.
 */
void sign_in_hours_changed(Core *core);

/* A session of that user was unlocked: it is locked again where that was not the hour for it. */
void sign_in_unlocked(Core *core, uid_t uid);

/* {"hours", "bound", "open", "changes", "last": [{"user", "at", "service", "tty", "host", "seat",
 * "failures"}]}; of others than of the caller only root is told. */
json_t *sign_in_to_json(Core *core, const char *actor);
