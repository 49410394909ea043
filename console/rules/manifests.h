/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is on media, as the terminals signed for it when they closed them (OUT-5, OUT-7): the slip, and the
 * list that it names the digest of, a line for each file, which comes in pieces.
 *
 * A terminal is believed what it signed, and no more: for a medium that it had a grant for, under a serial
 * that only grows, and once. What was taken never changes.
 */
#include "console/rules/actor.h"

extern const SkTable sk_manifests_table;

#define SK_MANIFEST_PART_MAX (512u << 10)
#define SK_MANIFEST_MAX (INT64_C(1) << 30)

typedef struct SkManifestPart {
	const char *envelope; /* of the slip, with each part */
	int64_t place;
	const void *content;
	size_t size;
} SkManifestPart;

/* actor: the terminal. The same again is 0. Return: as in actor.h; SK_SLIP_WRONG. */
int sk_manifest_take(const SkActor *actor, const SkManifestPart *part);

typedef struct SkManifestLines {
	json_t *lines; /* an array of objects, a reference of the caller's */
	int64_t next;  /* where to go on; -1: the end */
} SkManifestLines;

/* A piece of the list from a place on: whole lines. Return: 0, -ENOENT, -EINVAL the place is not that of a
 * line, others. */
int sk_manifest_read(
	SkDb *db, const SkScope *scope, const char *id, int64_t place, SkManifestLines *ret_lines);
