/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAR 4 and 5: does the archive say that its headers or the data of a member are encrypted? Block headers are
 * walked from the front; every length is checked against what is left, and the walk ends at the first doubt.
 */
#include "agent/scanner/filetype.h"

#include <stdbool.h>
#include <string.h>

#define BLOCKS_MAX 65536

typedef struct Cursor {
	const uint8_t *data;
	size_t size, at;
} Cursor;

static uint64_t le(const uint8_t *p, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | p[bytes];
	return value;
}

/* Numbers of RAR 5: seven bits a byte, lowest first, the top bit says that more follow. */
static bool take_number(Cursor *cursor, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 63 && cursor->at < cursor->size; shift += 7) {
		uint8_t byte = cursor->data[cursor->at++];

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static bool skip(Cursor *cursor, uint64_t bytes)
{
	if (bytes > cursor->size - cursor->at)
		return false;
	cursor->at += (size_t)bytes;
	return true;
}

enum { RAR4_MAIN = 0x73, RAR4_FILE = 0x74, RAR4_END = 0x7b };

/* Return: false when the walk is over. */
static bool next_rar4(Cursor *cursor, bool *encrypted)
{
	const uint8_t *block = cursor->data + cursor->at;
	size_t left = cursor->size - cursor->at;
	uint64_t flags, header, packed = 0;

	if (left < 7)
		return false;
	flags = le(block + 3, 2);
	header = le(block + 5, 2);
	if (header < 7 || header > left || block[2] == RAR4_END)
		return false;
	if (block[2] == RAR4_MAIN && (flags & 0x80))
		*encrypted = true;
	if (block[2] == RAR4_FILE && (flags & 0x04))
		*encrypted = true;
	if (*encrypted)
		return false;
	if (flags & 0x8000) {
		if (header < 11)
			return false;
		packed = le(block + 7, 4);
	}
	if (block[2] == RAR4_FILE && (flags & 0x100)) {
		if (header < 36)
			return false;
		packed |= le(block + 32, 4) << 32;
	}
	return skip(cursor, header) && skip(cursor, packed);
}

enum { RAR5_FILE = 2, RAR5_SERVICE = 3, RAR5_CRYPT = 4, RAR5_END = 5, RAR5_EXTRA_CRYPT = 1 };

static bool extra_has_crypt(Cursor extra)
{
	uint64_t size, type;

	while (take_number(&extra, &size)) {
		Cursor record = {extra.data, extra.size, extra.at};

		if (!skip(&extra, size) || !take_number(&record, &type))
			return false;
		if (type == RAR5_EXTRA_CRYPT)
			return true;
	}
	return false;
}

/* Return: false when the walk is over. */
static bool next_rar5(Cursor *cursor, bool *encrypted)
{
	uint64_t header, type, flags, extra = 0, packed = 0;
	Cursor fields;

	if (!skip(cursor, 4) || !take_number(cursor, &header))
		return false;
	fields = *cursor;
	if (!skip(cursor, header))
		return false;
	fields.size = cursor->at;
	if (!take_number(&fields, &type) || !take_number(&fields, &flags))
		return false;
	if ((flags & 1) && !take_number(&fields, &extra))
		return false;
	if ((flags & 2) && !take_number(&fields, &packed))
		return false;
	if (type == RAR5_CRYPT)
		*encrypted = true;
	if ((type == RAR5_FILE || type == RAR5_SERVICE) && extra > 0 && extra <= fields.size - fields.at)
		*encrypted |=
			extra_has_crypt((Cursor){fields.data, fields.size, fields.size - (size_t)extra});
	return !*encrypted && type != RAR5_END && skip(cursor, packed);
}

FileType filetype_of_rar(const uint8_t *data, size_t size)
{
	bool five = size >= 8 && data[6] == 1, encrypted = false;
	Cursor cursor = {data, size, five ? 8u : 7u};

	for (unsigned i = 0; i < BLOCKS_MAX && cursor.at < size; i++)
		if (!(five ? next_rar5(&cursor, &encrypted) : next_rar4(&cursor, &encrypted)))
			break;
	return (FileType){encrypted ? SK_TYPE_ENCRYPTED_ARCHIVE : 0, "application/vnd.rar"};
}
