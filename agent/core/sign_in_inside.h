/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What the files sign_in*.c share, and nobody else sees. */
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "agent/core/sign_in.h"
#include "lib/conf/hours.h"
#include "lib/ipc/proto_sign_in.h"
#include "lib/reason/reason.h"

typedef struct SignInPeer SignInPeer;

struct SignIn {
	sd_event_source *listen;
	SignInPeer *peers;
	size_t n_peers;

	SkHours hours;
	sd_event_source *change;
	bool closed; /* the hours were over when it was looked last */

	json_t *last;	   /* of each user, the newest first */
	uint64_t minute;   /* of CLOCK_BOOTTIME, and how many failures were recorded in it */
	unsigned recorded; /* what comes beyond a handful is counted, and told with the next one */
	unsigned unrecorded;
};

/* sign_in_hours.c. Return: SK_REASON_NONE he may; SK_SIGN_IN_OUTSIDE_HOURS he may not;
 * SK_SIGN_IN_HOURS_NOT_KEPT it is not his hour, and he may all the same. */
SkReason sign_in_judge(Core *core, const SkSignIn *sign_in);

/* sign_in_last.c: what is kept of a user; NULL: nothing. Borrowed. */
json_t *sign_in_last_of(const Core *core, const char *user);
void sign_in_last_begun(Core *core, const SkSignIn *sign_in);
void sign_in_last_failed(Core *core, const SkSignIn *sign_in);

/* sign_in_text.c */
void sign_in_text_refused(const Core *core, const SkSignIn *sign_in, SkSignInAnswer *answer);
void sign_in_text_last(const json_t *last, const SkSignIn *sign_in, SkSignInAnswer *answer);
