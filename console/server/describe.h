/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Session of the contract: who is signed in, until when, and when they were here before. */
#include "console/server/call.h"

/* Answers 200 with the caller's session. Return: 0 or negative errno. */
int sk_answer_session(SkCall *call);
