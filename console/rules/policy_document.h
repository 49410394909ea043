/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The policy of one terminal as it is signed (agent/core/console_documents.c reads it): the whole of rules
 * and settings, with a serial that only grows. And what terminals say they did with it.
 */
#include "console/rules/actor.h"

/* The same every time until the terminal is to have another one. Return: 0; -ENOENT there is none; others. */
int sk_policy_document(SkDb *db, const char *terminal, json_t **ret_payload);

/*
 * results: as agent.state has them, of the actor's terminal; those of other documents are passed over. What
 * it refused is kept with file, line and column, and is a record. Return: as in actor.h.
 */
int sk_policy_told(const SkActor *actor, const json_t *results);
