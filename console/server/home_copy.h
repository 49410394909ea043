/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What every instance has the same, beside the vault: the secret of second factors, the certificate
 * authority, and the keys that sign what agents believe. So a session, an enrolment code or a terminal that
 * one instance knows, all know.
 */
#include "console/server/home.h"

/* Of an open home, for sk_join_admit(). Return: 0, -E2BIG, others of the system. */
int sk_home_copy(const SkServerSettings *settings, const SkHome *home, SkSecret **ret_copy);

/*
 * What sk_home_copy() made, into the places of this machine; what is there is replaced. Return: 0, -EBADMSG
 * not ours, others of the system; home->what says of what.
 */
int sk_home_paste(const SkServerSettings *settings, SkHome *home, SkSecret *copy);
