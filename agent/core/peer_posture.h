/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The side of core that talks to sekisho-posture: one connection is one round of checks. */
#include "agent/core/peer.h"

extern const PeerType peer_posture_type;

/* Begins a round (the process is started by its socket). Its results go to posture_take(), its end to
 * posture_round_over(). Return: 0 or negative errno: nothing will come. */
int posture_begin(Core *core);
