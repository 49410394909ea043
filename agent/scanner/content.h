/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The bytes of one file in memory, once for hashing, typing and scanning. Up to CONTENT_COPY_MAX they are a
 * private copy: a medium that answers differently on a second read cannot have one content hashed and another
 * scanned. Larger files are mapped (the kernel's cache answers the second look); a medium pulled meanwhile
 * ends the worker with SIGBUS, which costs that file only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Private memory of one worker; most documents and images of a clinic are smaller. */
#define CONTENT_COPY_MAX (32u << 20)
/* Nothing larger is scanned (libclamav's own bound is 2 GiB); its beginning is enough to know a type. */
#define CONTENT_MAP_MAX (2u << 30)

typedef struct Content {
	const uint8_t *data;
	size_t size;
	bool partial; /* the file goes on after data */
	uint8_t *copy;
	void *mapping;
} Content;

/* Reads from the beginning, whatever the descriptor's offset. Return: 0 or negative errno (-EIO: unreadable).
 */
int content_load(Content *content, int fd, uint64_t file_size);

/* Ready for the next file; the memory of the copy stays with the struct. */
void content_release(Content *content);
