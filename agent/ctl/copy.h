/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Copies the files of one medium to another, through their ordinary mounts and as the caller. What lies there
 * is hostile: no link is followed, nothing but regular files is opened, no other file system is entered, and
 * no name leads out.
 *
 * It keeps no state. A file is written under COPY_PART_NAME, flushed, given its time and renamed, so under
 * its own name it is whole; a run that was cut anywhere is simply run again. What says that both are the same
 * is the comparison at the end, which reads both.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* In the root of the medium that is written to; on the one that is read from it is what an earlier copy left.
 */
#define COPY_PART_NAME ".sekisho-copy.part"

/* As deep as a copy that the agent imports. */
#define COPY_DEPTH_MAX 64

/* What became of a path. */
typedef enum CopyWhat {
	COPY_LEFT_OUT,	 /* no regular file: a link, a device */
	COPY_UNREADABLE, /* there: refused by the check, or damaged */
	COPY_NO_NAME,	 /* the other file system cannot have this name */
	COPY_TOO_LARGE,	 /* or so large a file */
	COPY_OTHER,	 /* something else has the name there already */
	COPY_MISSING,	 /* at the end it is not there */
	COPY_CHANGED,	 /* at the end the contents differ */
	COPY_FAILED,	 /* another error while it was written */
	COPY_WHAT_MAX,
} CopyWhat;

typedef enum CopyStage {
	COPY_COUNTING,
	COPY_COPYING,
	COPY_COMPARING,
} CopyStage;

typedef struct CopyCalls {
	/* path: relative, raw bytes; errors: negative errno or 0. Each path is told once at most in each
	 * stage. */
	void (*found)(void *userdata, const char *path, CopyWhat what, int error);
	/* After each piece. */
	void (*progress)(void *userdata, CopyStage stage, uint64_t files, uint64_t bytes);
	void *userdata;
} CopyCalls;

typedef struct CopyCount {
	uint64_t files, bytes;
} CopyCount;

typedef struct CopyResult {
	CopyCount all;	      /* regular files of FROM */
	CopyCount copied;     /* in this run */
	CopyCount same;	      /* compared, and equal */
	uint64_t n_found;     /* how often found() was called */
	uint64_t room_wanted; /* for -ENOSPC: bytes that are still to be written */
	uint64_t room_free;
} CopyResult;

typedef struct CopyOrder {
	int from_fd, to_fd; /* roots: O_RDONLY | O_DIRECTORY */
	bool replace;	    /* files on TO that are other than those of FROM */
	CopyCalls calls;
} CopyOrder;

/*
 * Return: 0 and the result: all is the same when n_found is 0; -EXDEV both are the same medium; -EBUSY
 * another copy to TO is running; -EROFS or -EACCES TO cannot be written to; -ENOSPC it has not the room; -EIO
 * and others: TO or the walk failed as a whole. ret_result is written in any case.
 */
int copy_run(const CopyOrder *order, CopyResult *ret_result);
