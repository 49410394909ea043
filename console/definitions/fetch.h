/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The mirror that definitions are fetched from, as freshclam knows it: NAME.cvd over HTTPS. The first bytes
 * tell the version; what is newer is fetched whole (its signature is of the whole), goes on where it was cut,
 * and is served only after its signature was found good.
 */
#include "console/definitions/settings.h"
#include "console/definitions/store.h"
#include "console/jobs/outgoing.h"

typedef struct Fetched {
	int64_t before, now; /* versions; equal: there was none newer */
} Fetched;

/*
 * Return: 0; -EBADMSG not signed, or not what its header said; -ENOENT the mirror has no such database;
 * -EBUSY it asks us to come later; -EPROTO another answer; others as sk_outgoing_run(). call->error: in
 * words.
 */
int fetch_database(Store *store, const MirrorSettings *settings, SkOutgoingCall *call, const char *name,
	Fetched *ret_fetched);
