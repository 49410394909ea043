/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A loss that somebody reports at a terminal (LOSS-1): the same as at the console (incidents.h), without the
 * forms, which the security officer fills in afterwards.
 *
 * A terminal that was taken over could report one medium after the other, and what is destroyed is destroyed.
 * So only the first reports of a day from one terminal destroy keys; with the others the medium is refused
 * everywhere, and the key waits for a person. Each raises an alert.
 */
#include "console/keys/vault.h"
#include "console/rules/actor.h"

#define SK_LOSS_REPORTS_PER_DAY 5

typedef struct SkLossReport {
	const char *medium; /* its id or number */
	const char *user;   /* account at the terminal, as the terminal says */
	const char *text;   /* what that person says of it; "" nothing */
	int64_t known;	    /* when it was reported there; ms since 1970 */
} SkLossReport;

/* actor: the terminal. One that is lost already is 0. Return: as sk_incident_report(); SK_NOT_FOUND it is not
 * in the ledger of the terminal's facility. */
int sk_loss_report(const SkActor *actor, SkVault *vault, const SkLossReport *report);
