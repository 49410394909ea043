/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Files that belong to a row: a photograph of a medium, a police report of an incident. Bounded in size,
 * number and type; what is removed is not shown any more and stays in the database, as what it was evidence
 * of does.
 */
#include "console/rules/actor.h"
#include "lib/crypt/digest.h"

#define SK_ATTACHMENT_MAX (8u << 20) /* bytes */
#define SK_ATTACHMENTS_MAX 50	     /* of a row */

extern const SkTable sk_attachments_table;

/* May a file of this type (as libmagic names it) be attached? */
bool sk_attachment_type_allowed(const char *type);

typedef struct SkAttachment {
	const char *subject_kind, *subject; /* "medium", "request", "incident", "review" */
	const char *name, *type;
	const void *content;
	size_t size;
} SkAttachment;

/* Return: as in actor.h; -ENOENT no such row in the scope; SK_ATTACHMENT_REFUSED its type,
 * SK_ATTACHMENTS_MANY. */
int sk_attachment_add(const SkActor *actor, const SkAttachment *attachment, char ret_id[SK_ID_SIZE]);

/* Return: as in actor.h. */
int sk_attachment_remove(const SkActor *actor, const char *id);

/* Is there such a row in the scope? Return: 0, -ENOENT, others; with its facility. */
int sk_attachment_subject(
	SkDb *db, const SkScope *scope, const char *kind, const char *id, char ret_facility[SK_ID_SIZE]);

/* The caller frees the bytes. Return: 0, -ENOENT, -EUCLEAN they are not what was attached, others. */
int sk_attachment_read(SkDb *db, const SkScope *scope, const char *id, void **ret_bytes, size_t *ret_size);
