/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/pack/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/own.h"

#define PIECE (256u << 10)

struct PackArchive {
	struct archive *outer, *inner;
	int fd;
	uint64_t size, bytes_max;
	SkSha256 hash;
	int error; /* the first of writing, as negative errno */
	char *piece;
};

/* To the file. */
static la_ssize_t write_outer(struct archive *outer, void *userdata, const void *data, size_t size)
{
	PackArchive *archive = userdata;

	if (!archive->error && size > archive->bytes_max - archive->size)
		archive->error = -EFBIG;
	if (!archive->error)
		archive->error = sk_io_write_all(archive->fd, data, size);
	if (archive->error) {
		archive_set_error(outer, -archive->error, "the archive cannot be written");
		return -1;
	}
	sk_sha256_update(&archive->hash, data, size);
	archive->size += size;
	return (la_ssize_t)size;
}

/* To the member of the other one. */
static la_ssize_t write_inner(struct archive *inner, void *userdata, const void *data, size_t size)
{
	PackArchive *archive = userdata;

	if (archive_write_data(archive->outer, data, size) != (la_ssize_t)size) {
		archive_set_error(inner, EIO, "the archive cannot be written");
		return -1;
	}
	return (la_ssize_t)size;
}

static int error_of(const PackArchive *archive)
{
	return archive->error ? archive->error : -EIO;
}

static struct archive *new_zip(const char *const options[])
{
	struct archive *zip = archive_write_new();

	if (!zip || archive_write_set_format_zip(zip) != ARCHIVE_OK ||
		archive_write_set_bytes_in_last_block(zip, 1) != ARCHIVE_OK) {
		archive_write_free(zip);
		return NULL;
	}
	for (size_t i = 0; options[i]; i++)
		if (archive_write_set_options(zip, options[i]) != ARCHIVE_OK) {
			archive_write_free(zip);
			return NULL;
		}
	return zip;
}

/* Its size is not known before all is in it. */
static int begin_member(PackArchive *archive)
{
	struct archive_entry *entry = archive_entry_new();
	int r;

	if (!entry)
		return -ENOMEM;
	archive_entry_set_pathname(entry, PACK_INNER);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, time(NULL), 0);
	r = archive_write_header(archive->outer, entry) == ARCHIVE_OK ? 0 : error_of(archive);
	archive_entry_free(entry);
	return r;
}

int pack_archive_open(const PackArchiveOrder *order, PackArchive **ret_archive)
{
	/* What is inside is compressed already. */
	static const char *const outer_options[] = {"zip:encryption=aes256", "zip:compression=store", NULL};
	static const char *const inner_options[] = {"zip:compression=deflate", "zip:hdrcharset=UTF-8", NULL};
	own_archive PackArchive *archive = calloc(1, sizeof(*archive));
	int r;

	if (!archive || !(archive->piece = malloc(PIECE)))
		return -ENOMEM;
	archive->fd = order->fd;
	archive->bytes_max = order->bytes_max;
	sk_sha256_init(&archive->hash);
	archive->outer = new_zip(outer_options);
	archive->inner = new_zip(inner_options);
	if (!archive->outer || !archive->inner)
		return -EOPNOTSUPP;
	if (archive_write_set_passphrase(archive->outer, order->passphrase) != ARCHIVE_OK)
		return -EINVAL;
	if (archive_write_open(archive->outer, archive, NULL, write_outer, NULL) != ARCHIVE_OK)
		return error_of(archive);
	r = begin_member(archive);
	if (r == 0 && archive_write_open(archive->inner, archive, NULL, write_inner, NULL) != ARCHIVE_OK)
		r = error_of(archive);
	if (r < 0)
		return r;
	*ret_archive = own_take(archive);
	return 0;
}

PackArchive *pack_archive_free(PackArchive *archive)
{
	if (!archive)
		return NULL;
	/* What they would still write is of no use. */
	if (archive->inner)
		archive_write_fail(archive->inner);
	if (archive->outer)
		archive_write_fail(archive->outer);
	archive_write_free(archive->inner);
	archive_write_free(archive->outer);
	free(archive->piece);
	free(archive);
	return NULL;
}

static int write_header(PackArchive *archive, const PackEntry *entry)
{
	struct archive_entry *header = archive_entry_new();
	int r;

	if (!header)
		return -ENOMEM;
	archive_entry_set_pathname(header, entry->path);
	archive_entry_set_filetype(header, AE_IFREG);
	archive_entry_set_perm(header, 0644);
	archive_entry_set_size(header, (la_int64_t)entry->size);
	archive_entry_set_mtime(header, entry->mtime.tv_sec, entry->mtime.tv_nsec);
	/* A warning is about a name that is not written as it is. */
	r = archive_write_header(archive->inner, header) == ARCHIVE_OK ? 0 : error_of(archive);
	archive_entry_free(header);
	return r;
}

int pack_archive_add(PackArchive *archive, const PackEntry *entry, uint8_t ret_sha256[SK_SHA256_SIZE])
{
	int r = write_header(archive, entry);
	uint64_t at = 0;
	SkSha256 hash;

	if (r < 0)
		return r;
	sk_sha256_init(&hash);
	for (;;) {
		/* One byte more than there is, to see that there is none. */
		uint64_t left = entry->size - at;
		ssize_t n = sk_io_pread_up_to(
			entry->fd, archive->piece, left < PIECE ? (size_t)left + 1 : PIECE, at);

		if (n < 0)
			return (int)n;
		if ((uint64_t)n > left || (n == 0 && left > 0))
			return -ESTALE;
		if (n == 0)
			break;
		sk_sha256_update(&hash, archive->piece, (size_t)n);
		if (archive_write_data(archive->inner, archive->piece, (size_t)n) != n)
			return error_of(archive);
		at += (uint64_t)n;
	}
	if (archive_write_finish_entry(archive->inner) != ARCHIVE_OK)
		return error_of(archive);
	sk_sha256_final(&hash, ret_sha256);
	return 0;
}

int pack_archive_close(PackArchive *archive, uint64_t *ret_size, uint8_t ret_sha256[SK_SHA256_SIZE])
{
	if (archive_write_close(archive->inner) != ARCHIVE_OK ||
		archive_write_finish_entry(archive->outer) != ARCHIVE_OK ||
		archive_write_close(archive->outer) != ARCHIVE_OK)
		return error_of(archive);
	if (fsync(archive->fd) < 0)
		return -errno;
	*ret_size = archive->size;
	sk_sha256_final(&archive->hash, ret_sha256);
	return 0;
}

int pack_archive_warm_up(void)
{
	own_fd int fd = memfd_create("sekisho", MFD_CLOEXEC);
	own_archive PackArchive *archive = NULL;
	const PackArchiveOrder order = {.fd = fd, .passphrase = "warm up", .bytes_max = 65536};
	const PackEntry entry = {.path = "ウォームアップ", .fd = fd};
	uint8_t digest[SK_SHA256_SIZE];
	uint64_t size;
	int r = fd < 0 ? -errno : pack_archive_open(&order, &archive);

	/* Nothing of it has been written yet: an empty file. */
	if (r == 0)
		r = pack_archive_add(archive, &entry, digest);
	return r < 0 ? r : pack_archive_close(archive, &size, digest);
}
