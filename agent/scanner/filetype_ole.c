/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OLE2 compound files [MS-CFB]: the old Office formats, and Windows installer packages. Entries of the
 * directory are 128 bytes long and lie on 128-byte borders from byte 512 on, whatever sector they are in; so
 * every border is looked at, and neither a chain of sectors nor a damaged allocation table is believed. A
 * deleted macro storage that is still there counts as one.
 */
#include "agent/scanner/filetype.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/str.h"

#define HEADER_SIZE 512u
#define ENTRY_SIZE 128u
#define ENTRY_NAME_SIZE 64u

enum { OBJECT_STORAGE = 1, OBJECT_STREAM = 2, OBJECT_ROOT = 5 };

typedef struct Named {
	const char *name;
	uint32_t types;
	const char *mime;
} Named;

static const Named entries[] = {
	{"_VBA_PROJECT", SK_TYPE_MACRO_DOCUMENT, NULL},
	{"_VBA_PROJECT_CUR", SK_TYPE_MACRO_DOCUMENT, NULL},
	{"PROJECTwm", SK_TYPE_MACRO_DOCUMENT, NULL},
	{"WordDocument", 0, "application/msword"},
	{"Workbook", 0, "application/vnd.ms-excel"},
	{"Book", 0, "application/vnd.ms-excel"},
	{"PowerPoint Document", 0, "application/vnd.ms-powerpoint"},
	{"__properties_version1.0", 0, "application/vnd.ms-outlook"},
};

/* Class of the root of a Windows installer package or patch: 000C108x-0000-0000-C000-000000000046. */
static bool is_installer(const uint8_t *entry)
{
	const uint8_t *class_id = entry + 80;

	return entry[66] == OBJECT_ROOT && (class_id[0] & 0xf8) == 0x80 && class_id[1] == 0x10 &&
	       class_id[2] == 0x0c && class_id[3] == 0 &&
	       memcmp(class_id + 8, "\xc0\0\0\0\0\0\0\x46", 8) == 0;
}

/* The name is UTF-16LE with its terminator, its length in bytes at offset 64. */
static bool has_name(const uint8_t *entry, const char *name)
{
	size_t length = strlen(name), bytes = (size_t)entry[64] | (size_t)entry[65] << 8;

	if (bytes != 2 * (length + 1) || bytes > ENTRY_NAME_SIZE)
		return false;
	for (size_t i = 0; i <= length; i++)
		if (entry[2 * i] != (uint8_t)name[i] || entry[2 * i + 1] != 0)
			return false;
	return true;
}

static void look_at_entry(const uint8_t *entry, FileType *type)
{
	if (is_installer(entry)) {
		*type = (FileType){type->types | SK_TYPE_PROGRAM, "application/x-msi"};
		return;
	}
	if (entry[66] != OBJECT_STORAGE && entry[66] != OBJECT_STREAM)
		return;
	for (size_t i = 0; i < SK_ARRAY_SIZE(entries); i++) {
		if (!has_name(entry, entries[i].name))
			continue;
		type->types |= entries[i].types;
		if (entries[i].mime && !(type->types & SK_TYPE_PROGRAM))
			type->mime = entries[i].mime;
	}
}

FileType filetype_of_ole(const uint8_t *data, size_t size)
{
	FileType type = {0, "application/x-ole-storage"};

	for (size_t at = HEADER_SIZE; at + ENTRY_SIZE <= size; at += ENTRY_SIZE)
		look_at_entry(data + at, &type);
	return type;
}
