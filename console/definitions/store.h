/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The folder of the mirror:
 *
 *	current.json	what is served: {"files": [...]}, replaced as a whole; the console reads it
 *	files/SHA256	their content; what current.json does not name is removed
 *	files/.NAME	what is on its way; goes on where it was cut
 *
 * One process writes (flock on files). Nothing comes into files/ whose origin was not proved (verify.h,
 * bundle.h), and no version replaces a newer one of the same name.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/own.h"
#include "lib/crypt/digest.h"

#define STORE_FILES_MAX 64
#define STORE_NAME_SIZE 64

typedef struct Store {
	int dir_fd, files_fd;
	json_t *files; /* an array, as current.json has it */
} Store;

/* Makes what is missing. Return: 0; -EBUSY another process works in it; others. */
int store_open(const char *directory, Store *ret_store);
void store_close(Store *store);
#define own_store own_(store_close)

/* A file that is to be served. */
typedef struct StoreFile {
	char name[STORE_NAME_SIZE]; /* "daily.cvd" */
	int64_t number;
	int64_t built;	    /* seconds since 1970 */
	const char *source; /* "mirror" or "bundle" */
	uint64_t size;
	char sha256[SK_SHA256_HEX_SIZE];
} StoreFile;

/* NAME.cvd or NAME.cld, NAME of small letters, digits, - and _. */
bool store_is_name(const char *name);

/* The version of a name that is served; 0: none. */
int64_t store_number(const Store *store, const char *name);

/* Digest and size of an open file, from its beginning. */
int store_digest(int fd, StoreFile *file);

/*
 * Takes files/PART over as file, whose origin is proved and whose digest and size are filled in, and writes
 * current.json. Return: 0; -ESTALE a newer one is served; others: then nothing has changed.
 */
int store_take(Store *store, const char *part, const StoreFile *file);
