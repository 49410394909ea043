/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is common to making a registered medium and to giving it other keys: how its slots are to be, and what
 * the ledger hears of it.
 */
#include <jansson.h>
#include <stdbool.h>

#include "lib/ipc/proto_carry.h"

typedef struct Core Core;

/* The key derivation of the settings. */
void carry_plan_derivation(const Core *core, SkLuksPlan *plan);

/* Whom the recovery key is sealed to, as the grant says. Return: false when it does not. */
bool carry_plan_recovery(const json_t *grant, SkLuksPlan *plan);

/* What the contracts of agent.prepared and agent.escrow have in common; NULL: no memory. */
json_t *carry_plan_facts(const SkLuksPlan *plan, const SkLuksMade *made);
