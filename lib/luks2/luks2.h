/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The header of a LUKS2 medium: bytes in, facts out. Reads nothing else, opens nothing, needs no
 * libcryptsetup.
 *
 * On the medium: a binary header of 4 KiB, JSON to the end of the copy, and the same once more; each copy has
 * a checksum over itself. Nothing of it is authenticated.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ipc/proto_luks.h"

#define SK_LUKS2_BINARY_SIZE 4096
#define SK_LUKS2_COPY_MAX 0x400000
/* Of JSON, which is 1 to 20 KiB; 4 MiB of "{},{}" would be hundreds of MiB of memory. */
#define SK_LUKS2_JSON_MAX (128 * 1024)

/* Weaker slots are a problem: RFC 9106 for little memory; OWASP 2023. */
#define SK_LUKS2_ARGON2_TIME_MIN 3
#define SK_LUKS2_ARGON2_MEMORY_MIN 65536 /* KiB */
#define SK_LUKS2_PBKDF2_ITERATIONS_MIN 600000
/* A slot that is opened only when it is named (priority 0) has a random key, which nothing makes stronger. */
#define SK_LUKS2_PBKDF2_ITERATIONS_RANDOM_KEY 1000
#define SK_LUKS2_STRIPES 4000
#define SK_LUKS2_CIPHER "aes-xts-plain64"
#define SK_LUKS2_KEY_SIZE 64

/* Seeds jansson's tables. Before the jail: it reads /dev/urandom. */
void sk_luks2_init(void);

/*
 * How many bytes from the start of the medium sk_luks2_read() needs, from the first SK_LUKS2_BINARY_SIZE.
 * Return: 0 when they are no LUKS2 header.
 */
size_t sk_luks2_size(const uint8_t *head);

/*
 * Reads both copies. data: size bytes from the start of a medium of medium_size bytes. Cannot fail: what is
 * wrong is in ret_facts->problems, and what could be read in the rest. Allocates at most some 10 MiB and
 * keeps none of it.
 */
void sk_luks2_read(const uint8_t *data, size_t size, uint64_t medium_size, SkLuksFacts *ret_facts);

/*
 * Makes the copy that sk_luks2_read() does not read the same as the one that it reads, so that whoever reads
 * data later sees nothing else than what the facts say. data: as there. Return: false when no copy is whole.
 */
bool sk_luks2_mend(uint8_t *data, size_t size);

/* Puts the right checksum into a copy of header_size bytes: for tests and fuzzers, and whoever writes
 * headers. */
void sk_luks2_seal(uint8_t *copy, size_t header_size);
