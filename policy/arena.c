/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE_MIN (4u << 10)
#define CHUNK_SIZE_MAX (1u << 20)
#define ALIGNMENT 8

struct SkArenaChunk {
	SkArenaChunk *next;
	uint64_t data[];
};

static void *add_chunk(SkArena *arena, size_t size)
{
	bool own = size > arena->next_size / 4;
	size_t room = own ? size : arena->next_size;
	SkArenaChunk *chunk;

	if (!arena->next_size) {
		arena->next_size = CHUNK_SIZE_MIN;
		return add_chunk(arena, size);
	}
	chunk = malloc(sizeof(*chunk) + room);
	if (!chunk)
		return NULL;
	chunk->next = arena->chunk;
	arena->chunk = chunk;
	if (!own) {
		arena->at = (char *)chunk->data + size;
		arena->end = (char *)chunk->data + room;
		/* few rules stay small, many do not ask the system too often */
		arena->next_size = room < CHUNK_SIZE_MAX ? 2 * room : room;
	}
	return chunk->data;
}

void *sk_arena_alloc(SkArena *arena, size_t size)
{
	char *memory = arena->at;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (!memory || size > (size_t)(arena->end - memory))
		return add_chunk(arena, size);
	arena->at = memory + size;
	return memory;
}

void *sk_arena_zero(SkArena *arena, size_t size)
{
	void *memory = sk_arena_alloc(arena, size);

	return memory ? memset(memory, 0, size) : NULL;
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

	if (!string)
		return NULL;
	if (size)
		memcpy(string, data, size);
	string[size] = 0;
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
