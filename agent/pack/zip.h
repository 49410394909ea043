/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A hand-over archive: a ZIP with one encrypted member (AES-256, as 7-Zip and WinZip read it), which is a ZIP
 * of the files. ZIP shows the names of its members to everybody, and names of files are names of patients:
 * so what is seen from outside is PACK_INNER, and nothing else.
 */
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/crypt/digest.h"

#define PACK_INNER "contents.zip"

typedef struct PackArchive PackArchive;

typedef struct PackArchiveOrder {
	int fd; /* borrowed: written from its offset on, never read */
	const char *passphrase;
	uint64_t bytes_max; /* of the archive */
} PackArchiveOrder;

/* Return: 0; -ENOMEM; -EOPNOTSUPP libarchive has no AES-256; others of the system. */
int pack_archive_open(const PackArchiveOrder *order, PackArchive **ret_archive);
/* What was not closed is no archive. */
PackArchive *pack_archive_free(PackArchive *archive);

typedef struct PackEntry {
	const char *path;
	int fd; /* read by place */
	uint64_t size;
	struct timespec mtime;
} PackEntry;

/*
 * ret_sha256: of what went in. Return: 0; -ESTALE the file has another size than was said; -EFBIG the archive
 * becomes too large; -EIO and others: it cannot be read or written. After an error the archive is useless.
 */
int pack_archive_add(PackArchive *archive, const PackEntry *entry, uint8_t ret_sha256[SK_SHA256_SIZE]);

/* Ends it, and has it on the disk. Return: as pack_archive_add(). */
int pack_archive_close(PackArchive *archive, uint64_t *ret_size, uint8_t ret_sha256[SK_SHA256_SIZE]);

/* Once before the jail: libraries open their files with the first use. Return: 0 or as pack_archive_open().
 */
int pack_archive_warm_up(void);

static inline void pack_archive_freep(PackArchive **archive)
{
	pack_archive_free(*archive);
}
#define own_archive __attribute__((cleanup(pack_archive_freep)))
