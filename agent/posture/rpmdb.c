/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/rpmdb.h"

#include <endian.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "agent/posture/files.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define TAGS_MAX 65536
#define STORE_MAX (256u << 20)
#define TYPE_INT32 4
#define TYPE_STRING 6
enum { TAG_NAME = 1000, TAG_VERSION = 1001, TAG_RELEASE = 1002, TAG_EPOCH = 1003, TAG_ARCH = 1022 };

typedef struct Entry {
	uint32_t tag, type, offset, count;
} Entry;

static uint32_t read_32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return be32toh(value);
}

/* A text that ends within the store. */
static const char *text_at(const uint8_t *store, size_t size, uint32_t offset)
{
	if (offset >= size || !memchr(store + offset, 0, size - offset))
		return "";
	return (const char *)store + offset;
}

static void take(RpmHeader *header, const Entry *entry, const uint8_t *store, size_t size)
{
	const struct {
		uint32_t tag;
		const char **text;
	} texts[] = {{TAG_NAME, &header->name}, {TAG_VERSION, &header->version},
		{TAG_RELEASE, &header->release}, {TAG_ARCH, &header->architecture}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++)
		if (entry->tag == texts[i].tag && entry->type == TYPE_STRING)
			*texts[i].text = text_at(store, size, entry->offset);
	if (entry->tag == TAG_EPOCH && entry->type == TYPE_INT32 && size >= 4 && entry->offset <= size - 4)
		header->epoch = read_32(store + entry->offset);
}

bool rpm_header_parse(const uint8_t *bytes, size_t size, RpmHeader *ret_header)
{
	uint32_t count, store_size;
	const uint8_t *store;

	*ret_header = (RpmHeader){"", "", "", "", 0};
	if (size < 8)
		return false;
	count = read_32(bytes);
	store_size = read_32(bytes + 4);
	if (count > TAGS_MAX || store_size > STORE_MAX || size < 8 + 16 * (size_t)count + store_size)
		return false;
	store = bytes + 8 + 16 * (size_t)count;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *at = bytes + 8 + 16 * (size_t)i;
		const Entry entry = {read_32(at), read_32(at + 4), read_32(at + 8), read_32(at + 12)};

		take(ret_header, &entry, store, store_size);
	}
	return ret_header->name[0] != 0;
}

static int add_header(Packages *packages, const void *bytes, int size)
{
	RpmHeader header;
	char version[512];

	if (!bytes || size < 0 || !rpm_header_parse(bytes, (size_t)size, &header))
		return -EBADMSG;
	/* Keys of repositories are kept like packages. */
	if (sk_str_eq(header.name, "gpg-pubkey"))
		return 0;
	if (!sk_str_format(
		    version, sizeof(version), "%u:%s-%s", header.epoch, header.version, header.release))
		return -EBADMSG;
	return packages_add(packages, header.name, header.architecture, version);
}

static int read_table(sqlite3 *database, Packages *packages)
{
	sqlite3_stmt *statement = NULL;
	int r = 0, step = SQLITE_ERROR;

	if (sqlite3_prepare_v2(database, "SELECT blob FROM Packages", -1, &statement, NULL) != SQLITE_OK)
		return -EBADMSG;
	while (r == 0 && (step = sqlite3_step(statement)) == SQLITE_ROW)
		r = add_header(
			packages, sqlite3_column_blob(statement, 0), sqlite3_column_bytes(statement, 0));
	sqlite3_finalize(statement);
	return r < 0 ? r : step == SQLITE_DONE ? 0 : -EBADMSG;
}

int rpmdb_read(const Posture *posture, Packages *packages)
{
	static const char *const places[] = {
		"/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite"};
	own_fd int fd = -ENOENT;
	sqlite3 *database = NULL;
	char uri[64];
	struct stat st;
	int r;

	for (size_t i = 0; fd == -ENOENT && i < SK_ARRAY_SIZE(places); i++)
		fd = file_open(posture, places[i]);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	packages->kind = PACKAGES_RPM;
	packages->changed = st.st_mtim.tv_sec;
	/* By the descriptor, and as a file that does not change: no lock, no file beside it, nothing written.
	 */
	sk_str_format(uri, sizeof(uri), "file:/proc/self/fd/%d?immutable=1", fd);
	r = sqlite3_open_v2(uri, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK
		    ? read_table(database, packages)
		    : -EBADMSG;
	sqlite3_close(database);
	return r;
}
