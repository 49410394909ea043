/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/filetype.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/str.h"

typedef FileType (*Inspect)(const uint8_t *data, size_t size);

/* A format with a magic number. The first row that fits decides; `inspect` looks deeper and has the last
 * word. */
typedef struct Magic {
	const char *bytes;
	size_t size, offset;
	uint32_t types;
	const char *mime;
	Inspect inspect;
} Magic;

#define BYTES(text) (text), sizeof(text) - 1

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* MZ alone is two letters that a text may begin with: a DOS header has 64 bytes of binary. */
static FileType type_of_mz(const uint8_t *data, size_t size)
{
	if (size < 64 || !memchr(data, 0, 64))
		return filetype_of_text(data, size);
	return (FileType){SK_TYPE_PROGRAM, "application/vnd.microsoft.portable-executable"};
}

/* CAFEBABE is both a Java class (then a version of at least 45) and a Mach-O for several processors (a
 * count). */
static FileType type_of_cafebabe(const uint8_t *data, size_t size)
{
	bool mach = size >= 8 && be32(data + 4) < 45;

	return (FileType){SK_TYPE_PROGRAM, mach ? "application/x-mach-binary" : "application/x-java-applet"};
}

static FileType type_of_ar(const uint8_t *data, size_t size)
{
	bool package = size > 21 && memcmp(data + 8, "debian-binary", 13) == 0;

	if (package)
		return (FileType){SK_TYPE_PROGRAM, "application/vnd.debian.binary-package"};
	return (FileType){0, "application/x-archive"};
}

/* An object inside an RTF document is the RTF way of carrying a program or an OLE document with macros. */
static FileType type_of_rtf(const uint8_t *data, size_t size)
{
	static const char *const carriers[] = {"\\objdata", "\\objocx", "\\objupdate"};
	FileType type = {0, "text/rtf"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(carriers); i++)
		if (memmem(data, size, carriers[i], strlen(carriers[i])))
			type.types = SK_TYPE_MACRO_DOCUMENT;
	return type;
}

static FileType type_of_riff(const uint8_t *data, size_t size)
{
	if (size >= 12 && memcmp(data + 8, "WEBP", 4) == 0)
		return (FileType){0, "image/webp"};
	if (size >= 12 && memcmp(data + 8, "WAVE", 4) == 0)
		return (FileType){0, "audio/x-wav"};
	return (FileType){0, "video/x-msvideo"};
}

static FileType type_of_isomedia(const uint8_t *data, size_t size)
{
	if (size >= 12 && (memcmp(data + 8, "heic", 4) == 0 || memcmp(data + 8, "mif1", 4) == 0))
		return (FileType){0, "image/heic"};
	return (FileType){0, "video/mp4"};
}

static const Magic magics[] = {
	{BYTES("\x7f"
	       "ELF"),
		0, SK_TYPE_PROGRAM, "application/x-executable", NULL},
	{BYTES("MZ"), 0, 0, NULL, type_of_mz},
	{BYTES("\xff\xd8\xff"), 0, 0, "image/jpeg", NULL},
	{BYTES("\x89PNG\r\n\x1a\n"), 0, 0, "image/png", NULL},
	{BYTES("%PDF-"), 0, 0, "application/pdf", NULL},
	{BYTES("PK\3\4"), 0, 0, NULL, filetype_of_zip},
	{BYTES("PK\5\6"), 0, 0, "application/zip", NULL},
	{BYTES("PK00PK\3\4"), 0, 0, NULL, filetype_of_zip},
	{BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), 0, 0, NULL, filetype_of_ole},
	{BYTES("7z\xbc\xaf\x27\x1c"), 0, 0, NULL, filetype_of_7z},
	{BYTES("Rar!\x1a\x07"), 0, 0, NULL, filetype_of_rar},
	{BYTES("GIF8"), 0, 0, "image/gif", NULL},
	{BYTES("DICM"), 128, 0, "application/dicom", NULL},
	{BYTES("{\\rt"), 0, 0, NULL, type_of_rtf},
	{BYTES("\x1f\x8b"), 0, 0, "application/gzip", NULL},
	{BYTES("BZh"), 0, 0, "application/x-bzip2", NULL},
	{BYTES("\xfd"
	       "7zXZ\0"),
		0, 0, "application/x-xz", NULL},
	{BYTES("(\xb5/\xfd"), 0, 0, "application/zstd", NULL},
	{BYTES("MSCF\0\0\0\0"), 0, 0, "application/vnd.ms-cab-compressed", NULL},
	{BYTES("ustar"), 257, 0, "application/x-tar", NULL},
	{BYTES("\xfe\xed\xfa\xce"), 0, SK_TYPE_PROGRAM, "application/x-mach-binary", NULL},
	{BYTES("\xfe\xed\xfa\xcf"), 0, SK_TYPE_PROGRAM, "application/x-mach-binary", NULL},
	{BYTES("\xce\xfa\xed\xfe"), 0, SK_TYPE_PROGRAM, "application/x-mach-binary", NULL},
	{BYTES("\xcf\xfa\xed\xfe"), 0, SK_TYPE_PROGRAM, "application/x-mach-binary", NULL},
	{BYTES("\xca\xfe\xba\xbe"), 0, 0, NULL, type_of_cafebabe},
	{BYTES("L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"), 0, SK_TYPE_PROGRAM,
		"application/x-ms-shortcut", NULL},
	{BYTES("dex\n0"), 0, SK_TYPE_PROGRAM, "application/vnd.android.dex", NULL},
	{BYTES("\xed\xab\xee\xdb"), 0, SK_TYPE_PROGRAM, "application/x-rpm", NULL},
	{BYTES("!<arch>\n"), 0, 0, NULL, type_of_ar},
	{BYTES("RIFF"), 0, 0, NULL, type_of_riff},
	{BYTES("ftyp"), 4, 0, NULL, type_of_isomedia},
	{BYTES("II*\0"), 0, 0, "image/tiff", NULL},
	{BYTES("MM\0*"), 0, 0, "image/tiff", NULL},
	{BYTES("OggS"), 0, 0, "audio/ogg", NULL},
	{BYTES("ID3"), 0, 0, "audio/mpeg", NULL},
	{BYTES("SQLite format 3\0"), 0, 0, "application/vnd.sqlite3", NULL},
};

FileType filetype_detect(const uint8_t *data, size_t size)
{
	if (size == 0)
		return (FileType){0, "application/x-empty"};
	for (size_t i = 0; i < SK_ARRAY_SIZE(magics); i++) {
		const Magic *magic = &magics[i];

		if (magic->offset + magic->size > size ||
			memcmp(data + magic->offset, magic->bytes, magic->size) != 0)
			continue;
		return magic->inspect ? magic->inspect(data, size) : (FileType){magic->types, magic->mime};
	}
	return filetype_of_text(data, size);
}
