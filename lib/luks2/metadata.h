/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The JSON of a header, inside lib/luks2. Every function writes what it could read and sets bits of
 * facts->problems for the rest; none fails.
 */
#include <jansson.h>
#include <stdbool.h>

#include "lib/luks2/luks2.h"

/* Keyslots, segments, digests and tokens are named "0" to "31". */
#define LUKS2_NUMBERS 32

/* json: size bytes of text, without a zero. */
void luks2_metadata_read(const char *json, size_t size, uint64_t medium_size, SkLuksFacts *facts);

/* keyslots.c, segments.c, digests.c, tokens.c: one section each, after the one before. */
void luks2_keyslots_read(const json_t *section, uint64_t end, SkLuksFacts *facts);
void luks2_segments_read(const json_t *section, uint64_t start, uint64_t medium_size, SkLuksFacts *facts);
void luks2_digests_read(const json_t *section, SkLuksFacts *facts);
void luks2_tokens_read(const json_t *section, SkLuksFacts *facts);

/* "null" in the name, or not AES-XTS with 512 bits: sets the problem. key_size in bytes. */
void luks2_cipher_check(const char *encryption, uint32_t key_size, SkLuksFacts *facts);

/* values.c: members of an object. Missing or wrong: SK_LUKS_STRUCTURE, and zero or empty. */
void luks2_json_init(void);
const char *luks2_text(const json_t *object, const char *name, SkLuksFacts *facts);
void luks2_text_copy(const json_t *object, const char *name, char *dst, size_t size, SkLuksFacts *facts);
uint32_t luks2_number(const json_t *object, const char *name, SkLuksFacts *facts);
/* 64-bit numbers are texts in LUKS2. */
uint64_t luks2_large_number(const json_t *object, const char *name, SkLuksFacts *facts);
/* A list of "0".."31" as bits. */
uint32_t luks2_numbers(const json_t *object, const char *name, SkLuksFacts *facts);
/* Base64 of at most SK_LUKS_SECRET_SIZE bytes. Return: their number. */
uint8_t luks2_bytes(
	const json_t *object, const char *name, uint8_t dst[SK_LUKS_SECRET_SIZE], SkLuksFacts *facts);
/* The number that a member is named by. Return: false when it is none. */
bool luks2_name_parse(const char *name, uint8_t *ret_number);
