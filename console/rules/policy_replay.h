/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A decision that an agent recorded ("device.decided"), made again under other rules. The record has all that
 * rules can ask about but what they remember (agent/core/devices.c); where that decides, or the rules of the
 * PC itself do, it is said that nobody can know. Pure: the record is hostile text, the snapshot is ours.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

typedef enum SkReplayChange {
	SK_REPLAY_SAME,
	SK_REPLAY_REFUSED,    /* it worked, and would not; or its media would not be opened */
	SK_REPLAY_RESTRICTED, /* it worked whole, and would in part; or with less to do with its media */
	SK_REPLAY_ALLOWED,    /* more of it would work than did, or with more to do with its media */
	SK_REPLAY_UNKNOWN,
	SK_REPLAY_CHANGES,
} SkReplayChange;

typedef enum SkReplayWhy {
	SK_REPLAY_OLD_AGENT, /* the record lacks what rules ask about */
	SK_REPLAY_OWN_RULES, /* no rule of the version applies: those of the PC decide, which nobody knows
				here */
	SK_REPLAY_MEMORY,    /* a rule that asks about earlier decisions, other devices or chance */
	SK_REPLAY_WHYS,
} SkReplayWhy;

const char *sk_replay_change_name(SkReplayChange change);
const char *sk_replay_why_name(SkReplayWhy why);

/* What a record says of its device; texts are borrowed from the body, "" for what is missing. */
typedef struct SkReplayDevice {
	const char *hash, *id, *name, *serial;
	const char *rule; /* that decided */
	bool worked;	  /* in whole or in part */
} SkReplayDevice;

typedef struct SkReplayed {
	SkReplayChange change;
	SkReplayWhy why; /* of SK_REPLAY_UNKNOWN */
	/* Of the rule that would decide; borrowed from the snapshot, or constant. */
	const char *rule, *file;
	uint32_t line;
} SkReplayed;

/* line: a record as the agent wrote it. *ret_body: a reference of the caller's. Return: 0, -EBADMSG, -ENOMEM.
 */
int sk_replay_read(const char *line, size_t size, json_t **ret_body);

/* Return: false when the record is about no device that a rule was asked about. */
bool sk_replay_device(const json_t *body, SkReplayDevice *ret_device);

typedef struct SkReplayRules {
	const SkPolicySnapshot *snapshot;
	SkPolicyMode mode;     /* of the group, for files that state none */
	const uint32_t *types; /* that the settings refuse; NULL: those of the PC stay as they were */
} SkReplayRules;

/* Return: 0 or -ENOMEM. */
int sk_replay(const SkReplayRules *rules, const json_t *body, SkReplayed *ret_replayed);
