/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * libclamav: loaded once by the parent, used by its forked workers. The only includer of clamav.h.
 *
 * Byte code of definitions runs in libclamav's interpreter: its compiler would need memory that is writable
 * and executable, which no process of ours has.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/scanner/verdict.h"

typedef struct Engine Engine;

typedef struct EngineLimits {
	uint64_t max_file_size, max_scan_size, scan_time_usec;
	uint32_t max_recursion, max_files;
	bool image_hashes; /* some signature compares pictures (definitions.h): decode every picture */
} EngineLimits;

/* Called many times while definitions load, which takes up to a minute. */
typedef void (*EngineProgress)(void);

/* Before the jail (libclamav looks for its RAR module, libc for its character sets). Return: 0 or -ENOTSUP.
 */
int engine_init(void);

/*
 * Loads all definitions of a directory. Return: 0; -ENODATA (none there) or -EBADMSG (a file is damaged),
 * then detail says what and which; -ENOMEM.
 */
int engine_load(const char *directory, const EngineLimits *limits, EngineProgress progress,
	Engine **ret_engine, char detail[256]);
Engine *engine_free(Engine *engine);

unsigned engine_signatures(const Engine *engine);

/* Where archives are unpacked; each worker its own. */
int engine_set_temporary(Engine *engine, const char *directory);

/* Adds to the report all that libclamav finds. data: the whole file. */
void engine_scan(Engine *engine, const uint8_t *data, size_t size, Report *report);

/* Build time in the header of a .cvd or .cld file, seconds since 1970; 0 when it has none. */
int64_t engine_build_time(const char *path);
