/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Archives: is anything in them encrypted, and is it one of the formats that are archives only outside
 * (Office documents, programs for Java and Android). libarchive reads the directory; members are not
 * unpacked. RAR is read here: libarchive of our oldest platform cannot tell that a RAR 5 archive is
 * encrypted.
 */
#include "agent/scanner/filetype.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

/* A directory longer than this is not read to its end: libclamav's limit on members refuses such a file
 * anyway. */
#define MEMBERS_MAX 65536

static void archive_freep(struct archive **archive)
{
	archive_read_free(*archive);
}

/* What the name of one member says about the archive around it. Names are compared without regard to case. */
typedef struct MemberRule {
	enum { MEMBER_IS, MEMBER_BEGINS, MEMBER_ENDS } how;
	const char *text;
	uint32_t types;
	const char *mime;
	bool only_opendocument;
} MemberRule;

static const MemberRule member_rules[] = {
	{MEMBER_IS, "META-INF/MANIFEST.MF", SK_TYPE_PROGRAM, "application/java-archive", false},
	{MEMBER_IS, "AndroidManifest.xml", SK_TYPE_PROGRAM, "application/vnd.android.package-archive", false},
	{MEMBER_IS, "AppxManifest.xml", SK_TYPE_PROGRAM, "application/vnd.ms-appx", false},
	{MEMBER_ENDS, ".class", SK_TYPE_PROGRAM, "application/java-archive", false},
	{MEMBER_ENDS, ".dex", SK_TYPE_PROGRAM, "application/vnd.android.package-archive", false},
	{MEMBER_ENDS, "vbaProject.bin", SK_TYPE_MACRO_DOCUMENT, NULL, false},
	{MEMBER_BEGINS, "xl/macrosheets/", SK_TYPE_MACRO_DOCUMENT, NULL, false},
	{MEMBER_BEGINS, "Basic/", SK_TYPE_MACRO_DOCUMENT, NULL, true},
	{MEMBER_BEGINS, "Scripts/", SK_TYPE_MACRO_DOCUMENT, NULL, true},
	{MEMBER_BEGINS, "word/", 0, "application/vnd.openxmlformats-officedocument.wordprocessingml", false},
	{MEMBER_BEGINS, "xl/", 0, "application/vnd.openxmlformats-officedocument.spreadsheetml", false},
	{MEMBER_BEGINS, "ppt/", 0, "application/vnd.openxmlformats-officedocument.presentationml", false},
};

static bool rule_fits(const MemberRule *rule, const char *name)
{
	size_t length = strlen(name), wanted = strlen(rule->text);

	if (rule->how == MEMBER_IS)
		return strcasecmp(name, rule->text) == 0;
	if (length <= wanted && rule->how == MEMBER_BEGINS)
		return false;
	if (length < wanted)
		return false;
	return strncasecmp(rule->how == MEMBER_BEGINS ? name : name + length - wanted, rule->text, wanted) ==
	       0;
}

static void look_at_name(const char *name, bool opendocument, FileType *type)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(member_rules); i++) {
		const MemberRule *rule = &member_rules[i];

		if ((rule->only_opendocument && !opendocument) || !rule_fits(rule, name))
			continue;
		type->types |= rule->types;
		if (rule->mime && !opendocument)
			type->mime = rule->mime;
	}
}

static void look_at_members(struct archive *archive, bool opendocument, FileType *type)
{
	struct archive_entry *entry;

	for (unsigned i = 0; i < MEMBERS_MAX; i++) {
		int r = archive_read_next_header(archive, &entry);
		const char *name;

		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			break;
		if (archive_entry_is_encrypted(entry))
			type->types |= SK_TYPE_ENCRYPTED_ARCHIVE;
		name = archive_entry_pathname(entry);
		if (name)
			look_at_name(name, opendocument, type);
	}
	if (archive_read_has_encrypted_entries(archive) > 0)
		type->types |= SK_TYPE_ENCRYPTED_ARCHIVE;
}

/* OpenDocument: the first member is called `mimetype`, stored as it is, so its text stands at byte 38. */
static bool is_opendocument(const uint8_t *data, size_t size)
{
	static const char mark[] = "mimetypeapplication/vnd.oasis.opendocument";

	return size >= 30 + sizeof(mark) && memcmp(data + 30, mark, sizeof(mark) - 1) == 0;
}

FileType filetype_of_zip(const uint8_t *data, size_t size)
{
	bool opendocument = is_opendocument(data, size);
	FileType type = {0, opendocument ? "application/vnd.oasis.opendocument" : "application/zip"};
	own_(archive_freep) struct archive *archive = archive_read_new();

	if (!archive)
		return type;
	/* With its directory when that can be read, else member by member. */
	archive_read_support_format_zip_seekable(archive);
	archive_read_support_format_zip_streamable(archive);
	if (archive_read_open_memory(archive, data, size) == ARCHIVE_OK)
		look_at_members(archive, opendocument, &type);
	return type;
}

FileType filetype_of_7z(const uint8_t *data, size_t size)
{
	FileType type = {0, "application/x-7z-compressed"};
	FileType members = {0, NULL};
	own_(archive_freep) struct archive *archive = archive_read_new();

	if (!archive)
		return type;
	archive_read_support_format_7zip(archive);
	if (archive_read_open_memory(archive, data, size) == ARCHIVE_OK)
		look_at_members(archive, false, &members);
	type.types = members.types & SK_TYPE_ENCRYPTED_ARCHIVE;
	return type;
}
