/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/burn/judge.h"

/* Profiles of MMC-6, table 95. */
enum {
	CD_ROM = 0x08,
	CD_R = 0x09,
	DVD_ROM = 0x10,
	DVD_R = 0x11,
	DVD_R_DL = 0x15,
	DVD_PLUS_R = 0x1b,
	DVD_PLUS_R_DL = 0x2b,
	BD_ROM = 0x40,
	BD_R = 0x41,
};

bool burn_profile_is_once(int profile)
{
	switch (profile) {
	case CD_R:
	case DVD_R:
	case DVD_R_DL:
	case DVD_PLUS_R:
	case DVD_PLUS_R_DL:
	case BD_R:
		return true;
	default:
		return false;
	}
}

/* Pressed, or closed: to most drives that is the same. */
static bool is_read_only(int profile)
{
	return profile == CD_ROM || profile == DVD_ROM || profile == BD_ROM;
}

SkReason burn_judge(const BurnDisc *disc, uint64_t size)
{
	if (!disc->drive_burns)
		return SK_DRIVE_NOT_BURNING;
	if (!disc->there || disc->profile <= 0)
		return SK_DISC_NONE;
	if (is_read_only(disc->profile))
		return SK_DISC_NOT_BLANK;
	if (!burn_profile_is_once(disc->profile))
		return SK_DISC_REWRITABLE;
	if (!disc->blank)
		return SK_DISC_NOT_BLANK;
	if (disc->available < size)
		return SK_DISC_TOO_SMALL;
	return disc->possible ? SK_REASON_NONE : SK_DRIVE_NOT_BURNING;
}
