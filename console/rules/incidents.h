/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Loss and theft (LOSS-1, LOSS-2, LOSS-3): one report refuses the media everywhere, destroys their keys,
 * keeps the proof of how they were encrypted, starts the clocks of the two reports to the Personal
 * Information Protection Commission, and lists what is to be done by whom. Steps are done or skipped by
 * people; the drafts of the reports are made from what is known.
 */
#include "console/keys/vault.h"
#include "console/rules/actor.h"

extern const SkTable sk_incidents_table;
extern const SkTable sk_incident_steps_table;
extern const SkTable sk_incident_reports_table;
extern const SkTable sk_incident_persons_table;

#define SK_INCIDENT_MEDIA_MAX 50

/*
 * fields: facility, kind, title, known and what else the table takes, with "media": ids (may be none).
 * Keys are cut in this transaction; sk_epoch_apply() afterwards makes it true on this instance.
 * Return: as in actor.h; -ESTALE: sk_epoch_apply() first, then again; SK_MEDIUM_NOT_POSSIBLE a medium is
 * erased or lost already.
 */
int sk_incident_report(const SkActor *actor, SkVault *vault, json_t *fields, char ret_id[SK_ID_SIZE]);

/* Changes what is known; the clocks follow `known` and `improperIntent`. Return: as in actor.h. */
int sk_incident_change(const SkActor *actor, const SkRowKey *key, json_t *fields);

/* A step is done or skipped (skipped needs a note). Return: as in actor.h; SK_INCIDENT_NOT_POSSIBLE. */
int sk_incident_step(const SkActor *actor, const SkRowKey *key, bool done, const char *note);

/* Saves a draft of a report with the nine items; items: what somebody wrote, or NULL for what is known by
 * itself. */
int sk_incident_draft(const SkActor *actor, const char *incident, const char *kind, const json_t *items,
	char ret_id[SK_ID_SIZE]);

/* A draft was sent: the clock of its kind stops. Return: as in actor.h; SK_INCIDENT_NOT_POSSIBLE: it was sent
 * already. */
int sk_incident_sent(const SkActor *actor, const char *report, const char *to, const char *receipt);

/*
 * Closed with a conclusion. Return: as in actor.h; SK_INCIDENT_NOT_POSSIBLE: steps are open, or a report is
 * due and was not sent.
 */
int sk_incident_close(const SkActor *actor, const SkRowKey *key, const char *conclusion);
