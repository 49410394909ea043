/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The side of posture that talks to core: one question, the answers, and that is all. */
#include "agent/posture/posture.h"
#include "lib/ipc/chan.h"

/* What core may say; the handler gets an SkPostureOptions. */
extern const SkMsgSpec posture_core_specs[];

/* Waits for the question, makes the round, answers. Takes the descriptor. root: as posture->root_fd was
 * opened. Return: 0 (also when core went away) or negative errno. */
int posture_serve(Posture *posture, const char *root, int fd);
