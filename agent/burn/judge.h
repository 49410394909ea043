/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Is this the disc to write on? Nothing but what drive and disc say of themselves decides. */
#include <stdbool.h>
#include <stdint.h>

#include "lib/reason/reason.h"

typedef struct BurnDisc {
	bool drive_burns;   /* the drive can write discs that are written once */
	bool there, blank;  /* a disc is in it, and has nothing on it */
	int profile;	    /* of MMC; 0: none */
	bool possible;	    /* the drive knows a way to write this image on this disc */
	uint64_t available; /* bytes */
	char name[80];	    /* of the profile; any bytes */
} BurnDisc;

/* size: of the image. Return: SK_REASON_NONE, or why not. */
SkReason burn_judge(const BurnDisc *disc, uint64_t size);

/* Of discs that are written once. */
bool burn_profile_is_once(int profile);
