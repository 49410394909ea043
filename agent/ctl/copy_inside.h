/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the two halves of a copy share: the walk with its stages (copy.c), and single files (copy_file.c).
 */
#include <uthash.h>

#include "agent/ctl/copy.h"

#define COPY_PATH_MAX 4096
#define COPY_PIECE_SIZE (1u << 20)

typedef struct CopyTold {
	UT_hash_handle hh;
	char path[];
} CopyTold;

typedef struct Copy {
	const CopyOrder *order;
	CopyResult *result;
	CopyStage stage;
	CopyCount done; /* of this stage */
	uint64_t unit;	/* of room on TO */
	uint8_t *piece;
	CopyTold *told;
	char path[COPY_PATH_MAX]; /* of what is looked at */
} Copy;

/* What fails with it is the other medium as a whole, not one name. */
bool copy_is_loss(int error);

/* Beneath a root, through no link and into no other file system. Return: descriptor or negative errno. */
int copy_open(int root_fd, const char *path, uint64_t flags);

/* Tells of copy->path, once. */
void copy_tell(Copy *copy, CopyWhat what, int error);
void copy_tell_progress(Copy *copy, uint64_t bytes);

/* Is there something of this name on TO? Return: 0 a regular file, and its size; -ENOENT no; -EEXIST
 * something else; other negative errno. */
int copy_look(const Copy *copy, uint64_t *ret_size);

/* Both the copy of one file and its comparison. Return: 0, also when it was told; negative errno: no more can
 * be done. */
int copy_file(Copy *copy);
int copy_compare(Copy *copy);

/* A folder on TO. Return: as above. */
int copy_folder(Copy *copy);
