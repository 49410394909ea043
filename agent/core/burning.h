/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A hand-over onto a disc that is written once (OUT-8): sekisho-burn looks at the disc, then the grant is
 * used up, then it burns. So what was begun is counted, and a disc that was refused is not.
 */
#include "agent/core/peer.h"
#include "agent/core/volumes.h"

typedef struct Handover Handover;

/* Of the grant. */
#define BURNING_MODE "burn"

/* May a disc be burned in this drive? Decides about it, as blank ones never were. Return: SK_REASON_NONE, or
 * why not. */
SkReason burning_why_not(Core *core, Volume *volume);

/* The archive is whole. Ends the hand-over, sooner or later. */
void burning_start(Handover *handover);

/* Is a disc in it at work, so that nothing else may be done with the drive? */
bool burning_holds(const Core *core, const Volume *volume);

extern const PeerType peer_burn_type;
