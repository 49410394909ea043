/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A medium that says it is one of a ledger was plugged in at a terminal (OUT-3). It counts for the
 * stock-taking that is under way, and as last seen. The terminal hears how the medium stands, as far as the
 * ledger of its own facility says: of media of others it hears that they are others', whether or not this
 * console knows them. One that was reported lost raises an alert, and stays refused.
 */
#include "console/keys/signing.h"
#include "console/rules/actor.h"

typedef enum SkStanding {
	SK_STANDING_OTHERS,	 /* of another facility or organisation */
	SK_STANDING_UNKNOWN,	 /* of this facility, by its own word, and in no ledger */
	SK_STANDING_NOT_THE_ONE, /* under the id of a medium that is another one */
	SK_STANDING_KNOWN,
	SK_STANDING_GRANTED,	/* here, now or later */
	SK_STANDING_ELSEWHERE,	/* approved for another terminal */
	SK_STANDING_TAKEN_BACK, /* the approval for here was */
	SK_STANDING_LOST,
	SK_STANDING_RETIRED,
} SkStanding;

const char *sk_standing_name(SkStanding standing);

typedef struct SkMediumSeen {
	const char *medium, *organisation, *uuid; /* as its header says: claims */
	int64_t at;				  /* when; ms since 1970 */
} SkMediumSeen;

typedef struct SkMediumStands {
	SkStanding standing;
	int64_t since;	    /* of LOST: the report; else 0 */
	char contact[1024]; /* of LOST: to whom it is brought, as the facility has it; else "" */
} SkMediumStands;

/* actor: the terminal. Return: as in actor.h. */
int sk_medium_seen(
	const SkActor *actor, const SkSigning *signing, const SkMediumSeen *seen, SkMediumStands *ret_stands);
