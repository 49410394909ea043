/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the console does by itself, in time: sending, reminding, ending, cleaning. One process does it for
 * all: a duty is held in the table of that name until a time, and another process takes it over when the
 * holder has not come back by then. So a duty may be done a second time, even at the same time where clocks
 * differ: each is written so that this does no harm (what is done shows in the rows that it is done to).
 *
 * Each lane is a thread with its own connection to the database and does its duties one after the other; what
 * waits for the network has a lane apart from what only looks at the database.
 */
#include "console/rules/actor.h"
#include "console/server/server.h"

typedef enum SkDutyLane {
	SK_DUTY_RULES,	   /* the database only */
	SK_DUTY_MESSAGES,  /* mail and webhooks */
	SK_DUTY_RECORDS,   /* time stamps, the SIEM */
	SK_DUTY_DOWNLOADS, /* definitions */
	SK_DUTY_LANES,
} SkDutyLane;

typedef struct SkDutyWork SkDutyWork;

typedef struct SkDuty {
	const char *name; /* in the table; NULL ends a list */
	SkDutyLane lane;
	int64_t period_ms; /* from one end that was good to the next beginning */
	int64_t hold_ms;   /* longest time until the next sk_duty_go_on(), or the end */
	/* Return: 0, or negative errno: it is tried again soon, at growing distances. */
	int (*run)(SkDutyWork *work);
} SkDuty;

typedef struct SkDuties SkDuties;

/* Whose duties they are. All borrowed, for the life of the lanes. */
typedef struct SkDutyHost {
	const char *database; /* for sk_db_open() */
	const char *instance;
	SkChain *chain;
	SkServer *server; /* for the functions that do a duty; the lanes do not look into it */
} SkDutyHost;

/* Starts the lanes. duties: ended by a row without a name, of constant life. Return: 0 or negative errno. */
int sk_duties_new(const SkDutyHost *host, const SkDuty *duties, SkDuties **ret_duties);
/* Asks what is at work to end, and waits for it. */
void sk_duties_free(SkDuties *duties);

/* For functions that do a duty: */
SkServer *sk_duty_server(const SkDutyWork *work);
SkDb *sk_duty_db(const SkDutyWork *work);
const char *sk_duty_instance(const SkDutyWork *work);

/* Is it time to end? For waits on the network, about once a second; for any thread. */
bool sk_duty_is_stopping(const SkDutyWork *work);

/* Between two pieces of work: the duty is held for longer. Return: 0; -ECANCELED it is to end now, or
 * somebody else has it; others. A duty forwards them. */
int sk_duty_go_on(SkDutyWork *work);

/* The console itself acts, everywhere, in one transaction. Return: what the rule or the database returned. */
int sk_duty_act(SkDutyWork *work, int (*rule)(const SkActor *actor, void *userdata), void *userdata);

/* Words for people about a failure that is returned next, kept with the duty. */
void sk_duty_explain(SkDutyWork *work, const char *format, ...) __attribute__((format(printf, 2, 3)));
