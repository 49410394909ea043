/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Memory that is given back all at once. What belongs to one rule lies side by side, so that judging it costs
 * one or two cache lines; that is where the speed of a decision among 100,000 rules comes from.
 */
#include <stddef.h>

typedef struct SkArenaChunk SkArenaChunk;

typedef struct SkArena {
	SkArenaChunk *chunk;
	char *at, *end;
	size_t next_size; /* of the next chunk */
} SkArena;

/* Return: size bytes with any content, aligned for any pointer, or NULL. */
void *sk_arena_alloc(SkArena *arena, size_t size);

/* The same, cleared. */
void *sk_arena_zero(SkArena *arena, size_t size);

/* A copy of size bytes; size 0 gives a valid pointer. Return: NULL without memory. */
void *sk_arena_copy(SkArena *arena, const void *data, size_t size);

/* A copy with a 0 byte behind it. */
char *sk_arena_string(SkArena *arena, const char *data, size_t size);

void sk_arena_free(SkArena *arena);
