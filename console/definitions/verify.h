/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Is a database (CVD) signed by ClamAV's key? libclamav reads it, in a child that has no network, no other
 * file and nothing that it could change: what comes from outside is hostile until its signature was found.
 */
#include <stdint.h>

typedef struct Verified {
	int64_t number, built; /* seconds since 1970 */
	uint32_t signatures;
} Verified;

/* Once, before any database and any jail. Return: 0 or -ENOTSUP. */
int verify_init(void);

/*
 * directory: of the file, the only place that the child sees. Return: 0; -EBADMSG it is no database of this
 * kind, or another one than its signature is of, or the child ended over it; others.
 */
int verify_database(const char *directory, const char *name, Verified *ret_verified);
