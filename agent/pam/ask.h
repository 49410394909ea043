/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One question to core, from within a program that is not ours: no memory is taken, no signal is sent, no
 * setting of the process is changed, and it is over after ASK_MSEC whatever core does.
 */
#include "lib/ipc/proto_sign_in.h"

#define ASK_SOCKET "/run/sekisho/sign-in.sock"
#define ASK_MSEC 500

/*
 * Sends the question (its head is filled in but for the type) and waits for the answer. A core that is just
 * being started again is waited for. Return: 0; -ETIMEDOUT; other negative errno: there is nobody, or nobody
 * that can be understood.
 */
int ask_core(const char *path, SkSignIn *question, SkSignInAnswer *ret_answer);
