/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Calls to the console that must survive (SK_UPLINK_CALL_SPOOL), STATE/console/outbox.json: from the moment
 * that core made one until the uplink has it on its own disk. So none is lost while the uplink is not there,
 * starts anew, has no room, or while core itself is killed. In order, one at a time, each under a key of its
 * own: what is given twice is done once.
 */
#include <jansson.h>

typedef struct Core Core;
typedef struct Outbox Outbox;

/* After console_open(). Return: 0 or -ENOMEM. */
int outbox_open(Core *core);
void outbox_close(Core *core);

/* On the disk when it returns 0. Return: -ENOSPC there are too many, others of the system. */
int outbox_put(Core *core, const char *operation, json_t *body);

/* The uplink is there, or time has passed: tries again. */
void outbox_send(Core *core);

/* This PC belongs to no console any more. */
void outbox_forget(Core *core);
