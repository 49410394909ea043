/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (64u << 10)
#define ALIGNMENT 8

struct SkArenaChunk {
	SkArenaChunk *next;
	uint64_t data[];
};

static void *add_chunk(SkArena *arena, size_t size)
{
	size_t room = size > CHUNK_SIZE / 4 ? size : CHUNK_SIZE;
	SkArenaChunk *chunk;

	if (room > SIZE_MAX / 2)
		return NULL;
	chunk = calloc(1, sizeof(*chunk) + room);
	if (!chunk)
		return NULL;
	chunk->next = arena->chunk;
	arena->chunk = chunk;
	if (room == CHUNK_SIZE) {
		arena->at = (char *)chunk->data + size;
		arena->end = (char *)chunk->data + room;
	}
	return chunk->data;
}

void *sk_arena_alloc(SkArena *arena, size_t size)
{
	void *memory = arena->at;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (!memory || size > (size_t)(arena->end - arena->at))
		return add_chunk(arena, size);
	arena->at += size;
	return memory;
}

void *sk_arena_copy(SkArena *arena, const void *data, size_t size)
{
	void *memory = sk_arena_alloc(arena, size);

	if (memory && size)
		memcpy(memory, data, size);
	return memory;
}

char *sk_arena_string(SkArena *arena, const char *data, size_t size)
{
	char *string = sk_arena_alloc(arena, size + 1);

	if (string && size)
		memcpy(string, data, size);
	return string;
}

void sk_arena_free(SkArena *arena)
{
	while (arena->chunk) {
		SkArenaChunk *next = arena->chunk->next;

		free(arena->chunk);
		arena->chunk = next;
	}
	*arena = (SkArena){0};
}
