/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Security updates that the lists of apt and dnf know and that are not installed. */
#include "agent/posture/packages.h"

typedef struct Updates {
	Packages packages; /* those with an update are `pending` */
	unsigned sources;  /* lists of security updates */
	int64_t asked;	   /* when the lists were fetched; 0: not known */
} Updates;

/* Return: 0, or negative errno: -EBADMSG a list cannot be read. */
int updates_read_apt(const Posture *posture, Updates *updates);
int updates_read_dnf(const Posture *posture, Updates *updates);

/* Notes what a list says: of apt a Packages file, of dnf an updateinfo.xml. The text is cut up. */
void updates_take_apt(char *text, Packages *packages);
void updates_take_dnf(char *text, Packages *packages);
