/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Definitions that are brought in where there is no way out: a folder with manifest.json, which a console
 * signed (the same that it gives its agents), and the files that it names; or single databases with ClamAV's
 * own signature.
 */
#include "console/definitions/settings.h"
#include "console/definitions/store.h"

#define BUNDLE_WHY_SIZE 256

/*
 * path: such a folder, or a file NAME.cvd. *ret_count: how many came in that were newer. Return: 0;
 * -EKEYREJECTED signed by nobody who is believed; -EBADMSG a file is missing or another one than the manifest
 * says; others. why: in words. What was taken before an error stays taken: each file is whole by itself.
 */
int bundle_import(Store *store, const MirrorSettings *settings, const char *path, unsigned *ret_count,
	char why[BUNDLE_WHY_SIZE]);
