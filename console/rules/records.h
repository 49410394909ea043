/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The records of the agents: each terminal has one chain (lib/audit/line.h), which the console takes in
 * order, line by line, and once. What does not follow on what is here is not stored and is an alarm, unless
 * it only begins further on than we are: then the agent hears where to begin.
 */
#include "console/rules/actor.h"

#define SK_RECORDS_SIZE_MAX (2u << 20)

typedef enum SkRecordsOutcome {
	SK_RECORDS_TAKEN,   /* all of them are here now */
	SK_RECORDS_GAP,	    /* begin behind seq */
	SK_RECORDS_REFUSED, /* another log than ours of this terminal, or no records: an alarm is open */
} SkRecordsOutcome;

typedef struct SkRecordsReceived {
	SkRecordsOutcome outcome;
	int64_t seq;	/* of the last record that is here, 0: none */
	char hash[65];	/* of its line, hexadecimal */
	int64_t stored; /* of these lines, new ones */
} SkRecordsReceived;

/*
 * lines: whole, each with its line break; hostile. The actor's terminal sent them. Return: as in actor.h: 0
 * also for a gap and for what is refused (the alarm has to be committed); -ENOENT no such terminal.
 */
int sk_records_receive(const SkActor *actor, const char *lines, size_t size, SkRecordsReceived *ret_received);

/* Somebody says what it was. Return: as in actor.h; SK_ALERT_CLOSED it was said before. */
int sk_chain_alarm_resolve(const SkActor *actor, const SkRowKey *key, const char *note);

extern const SkTable sk_records_table;
extern const SkTable sk_chain_alarms_table;

const char *sk_records_outcome_name(SkRecordsOutcome outcome);
