/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is on a medium that is open for writing: what was there when it was opened, what is known of the
 * content of each file since, and what is there when it is closed. No I/O.
 *
 * The list that is taken when nobody can write any more is the truth. What was noted before only makes it
 * cheap: a content is believed of a file that still has the identity under which it was read (SkFileId: any
 * change gives it another ctime, and a file that the kernel forgot meanwhile another number), and that nobody
 * closed after writing since it was read. What the list has and nobody knows has to be read again.
 */
#include <stdbool.h>
#include <stddef.h>

#include "lib/ipc/proto_scanner.h"
#include "lib/slip/slip.h"

typedef struct Manifest Manifest;

/* More files than this are not followed: the manifest says that it is not complete. */
#define MANIFEST_FILES_MAX 500000

typedef struct ManifestContent {
	uint8_t sha256[SK_SHA256_SIZE];
	SkSlipVerdict verdict;
	bool hashed; /* false: it could not be read */
	char finding[SK_SLIP_FINDING_SIZE];
} ManifestContent;

Manifest *manifest_new(void);
Manifest *manifest_free(Manifest *manifest);

/* A file that was there before anybody could write. Return: 0, -ENOMEM, -E2BIG. */
int manifest_add_base(Manifest *manifest, const char *path, const SkFileId *file);
void manifest_clear_base(Manifest *manifest);
size_t manifest_base(const Manifest *manifest);

/*
 * Somebody closed it after writing: what is known of its content is not true any more. path: where it was, or
 * "" when that is not known. Return: a number that manifest_read() wants back, 0 without memory.
 */
typedef struct ManifestWritten {
	SkFileId file;
	const char *path;
	int64_t at; /* ms since 1970 */
	uid_t uid;  /* (uid_t)-1: not known */
} ManifestWritten;
uint64_t manifest_written(Manifest *manifest, const ManifestWritten *written);

/*
 * It was read, as this file, from a time on at which nothing had changed it for a while. number: of
 * manifest_written(), or 0: nobody was told of a write. Return: false when it was written to since, so that
 * the content is not believed.
 */
bool manifest_read(Manifest *manifest, const SkFileId *file, uint64_t number, const ManifestContent *content);

/*
 * Was it read as this file, found clean, and never closed after writing? So it holds what was read when
 * nobody has it open for writing at the moment: every way of writing changes the time of a file at least
 * once.
 */
bool manifest_is_clean(const Manifest *manifest, const SkFileId *file);

/* Another process noted the rest: no content is believed any more, who and when stays. */
void manifest_doubt(Manifest *manifest);

/* The identities whose content is known, sorted by memcmp(); the caller frees them. Return: 0 or -ENOMEM. */
int manifest_known(const Manifest *manifest, SkFileId **ret_files, size_t *ret_n);

/* What is there now: listed (content NULL), or read just now. Return: as manifest_add_base(). */
int manifest_add_final(
	Manifest *manifest, const char *path, const SkFileId *file, const ManifestContent *content);
void manifest_clear_final(Manifest *manifest);

/* Is this list the same as the last, names and identities? Both of manifest_add_final(), between them
 * manifest_keep_final(). */
void manifest_keep_final(Manifest *manifest);
bool manifest_is_as_kept(Manifest *manifest);

/* What it says of one file, in the order of their paths; borrowed. user: of the uid. */
typedef int (*ManifestLine)(void *userdata, const SkSlipFile *file, uid_t uid);

/*
 * Calls line for each file, those that are gone too. partial: there is no list of what is there now (it was
 * pulled out), so what was noted is told. Return: 0, what line returned when that is negative, -ENOMEM.
 */
int manifest_make(Manifest *manifest, bool partial, ManifestLine line, void *userdata);

/* Of each file that was written to and read since: for who keeps it. */
typedef void (*ManifestNoted)(void *userdata, const ManifestWritten *written, const ManifestContent *content);
void manifest_each_noted(const Manifest *manifest, ManifestNoted noted, void *userdata);
