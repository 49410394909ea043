/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is installed, as dpkg's status file or rpm's database says. Both are read as they are: neither
 * program is started.
 */
#include <uthash.h>

#include "agent/posture/posture.h"

typedef enum PackageKind {
	PACKAGES_NONE,
	PACKAGES_DEB,
	PACKAGES_RPM,
} PackageKind;

typedef struct Package {
	char *key;     /* NAME:ARCHITECTURE */
	char *name;    /* the same without the architecture */
	char *version; /* of several that are installed the newest */
	bool pending;  /* for the caller: a newer one is there */
	UT_hash_handle hh;
} Package;

typedef struct Packages {
	PackageKind kind;
	int64_t changed; /* when something was installed or removed, seconds since 1970 */
	Package *table;	 /* by key */
} Packages;

/* Return: 0; -ENOENT there is neither; negative errno. packages_free() in any case. */
int packages_read(const Posture *posture, Packages *packages);
void packages_free(Packages *packages);

/* Return: the package, or NULL. */
Package *packages_find(const Packages *packages, const char *name, const char *architecture);

/* Is a package of this name there, for any architecture? */
bool packages_has(const Packages *packages, const char *name);

/* Notes one, or a newer version of it. Return: 0 or -ENOMEM. */
int packages_add(Packages *packages, const char *name, const char *architecture, const char *version);

/* One stanza of a file of Debian's: fields that are not there are "". They point into the text, which is cut
 * up. Return: false at its end. */
typedef struct Stanza {
	const char *package, *architecture, *version, *status;
} Stanza;
bool stanza_next(char **text, Stanza *ret_stanza);
