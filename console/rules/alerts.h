/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Alerts: what somebody has to look at. One open alert for one matter: it counts instead of repeating. It is
 * raised by a look at the rows (alerts_look.c) or by what happened, acknowledged by a person, and closed by
 * itself when the matter is over, or by a person.
 *
 *	open -> acknowledged -> closed; open -> closed
 *
 * What is watched, within which limits and who hears of it is a rule: of a facility, of all facilities, or as
 * delivered, in this order.
 */
#include "console/rules/actor.h"
#include "lib/reason/reason.h"

typedef struct SkAlertKind {
	const char *name;     /* "terminal-silent" */
	const char *severity; /* notice, warning, critical */
	SkReason code;
	/* As delivered. limit: what the number of the rule counts ("hours"); NULL: the kind has no limit. */
	const char *limit;
	int64_t fallback, least, most;
	const char *receivers; /* words with blanks between; "": nobody is written to */
} SkAlertKind;

extern const SkAlertKind sk_alert_kinds[]; /* ended by a NULL name */
const SkAlertKind *sk_alert_kind(const char *name);

extern const SkTable sk_alerts_table;

typedef struct SkAlertMatter {
	const char *kind;
	const char *facility; /* NULL: of the console itself */
	const char *subject_kind, *subject;
	const char *about;	 /* as people call it; NULL: the member of the details named subject_kind */
	SkReason code;		 /* 0: that of the kind */
	json_t *details;	 /* an object, taken over; NULL: -ENOMEM */
	const json_t *receivers; /* instead of the rule's; NULL: the rule's */
} SkAlertMatter;

/* Raises it, or counts once more. Return: 0 or negative errno. */
int sk_alert_raise(const SkActor *actor, const SkAlertMatter *matter);

/* The matter is over: closes its alert, when there is one. Return: 0 or negative errno. */
int sk_alert_settle(const SkActor *actor, const char *kind, const char *subject_kind, const char *subject);

/* A person has seen it. Return: as in actor.h; SK_ALERT_CLOSED. */
int sk_alert_acknowledge(const SkActor *actor, const SkRowKey *key, const char *note);

/* A person says that it is over; a note says why. Return: as above. */
int sk_alert_close(const SkActor *actor, const SkRowKey *key, const char *note);

/* ---- rules ---- */

typedef struct SkAlertRule {
	const SkAlertKind *kind;
	bool enabled;
	int64_t limit;
	json_t *receivers;     /* an array of words */
	json_t *steps;	       /* of return-late: [{hours, to}]; NULL: as delivered */
	char *words;	       /* of the clinic; NULL: none */
	char from[SK_ID_SIZE]; /* row of the rule; "": as delivered */
	bool own;	       /* the row is of this facility */
	int64_t version;       /* of the row that is the facility's own; 0: none yet */
} SkAlertRule;

/* The rule that holds in a facility (NULL: that of all). Return: 0 or negative errno. */
int sk_alert_rule_load(SkDb *db, const SkAlertKind *kind, const char *facility, SkAlertRule *ret_rule);
void sk_alert_rule_deinit(SkAlertRule *rule);
#define own_alert_rule own_(sk_alert_rule_deinit)

/* As the contract shows it. NULL without memory. */
json_t *sk_alert_rule_json(const SkAlertRule *rule, const char *facility);

typedef struct SkAlertRuleChange {
	const SkAlertKind *kind;
	const char *facility; /* NULL: for all, which takes scope `all` */
	int64_t version;      /* that was seen; 0: there was none of this facility */
	bool enabled;
	json_t *limits;	   /* {limit?, steps?, words?}: as the contract has them */
	json_t *receivers; /* NULL: as delivered */
} SkAlertRuleChange;

/* Return: as in actor.h; SK_REQUEST_INVALID; -ECANCELED somebody else was faster. */
int sk_alert_rule_set(const SkActor *actor, const SkAlertRuleChange *change);

/* Looks at everything of one facility (NULL: the console) that is watched, raises and closes. Return: as in
 * actor.h. */
int sk_alerts_look(const SkActor *actor, const char *facility);

/* Only at the screens of a facility: one of them changed just now. */
int sk_alerts_look_at_screens(const SkActor *actor, const char *facility);

/* The same for what takes reading many records: seldom. */
int sk_alerts_count(const SkActor *actor, const char *facility);
