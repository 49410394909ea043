/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/header.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/luks2/profile.h"

#define PIECE (1u << 20)
#define PAGE 4096

/* Both as a whole, from memory. */
typedef struct Writing {
	int device_fd;
	const uint8_t *before, *after;
} Writing;

int media_header_copy(int device_fd)
{
	own_fd int memory_fd = memfd_create("sekisho-header", MFD_CLOEXEC);
	own_free uint8_t *piece = malloc(PIECE);

	if (memory_fd < 0 || !piece)
		return memory_fd < 0 ? -errno : -ENOMEM;
	for (off_t done = 0; done < (off_t)SK_LUKS2_DATA_OFFSET;) {
		ssize_t n = pread(device_fd, piece, PIECE, done);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		if (pwrite(memory_fd, piece, (size_t)n, done) != n)
			return -EIO;
		done += n;
	}
	return own_take_fd(&memory_fd);
}

int media_device_reopen(int device_fd, int flags)
{
	char path[32];
	int fd;

	sk_str_format(path, sizeof(path), "/proc/self/fd/%d", device_fd);
	fd = open(path, O_RDWR | O_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

/* The header as memory that nobody else writes. Return: 0 or negative errno. */
static int load(int fd, uint8_t **ret_bytes)
{
	own_free uint8_t *bytes = calloc(1, SK_LUKS2_DATA_OFFSET);

	if (!bytes)
		return -ENOMEM;
	for (off_t at = 0; fd >= 0 && at < (off_t)SK_LUKS2_DATA_OFFSET; at += PIECE)
		if (pread(fd, bytes + at, PIECE, at) != PIECE)
			return -EIO;
	*ret_bytes = own_take(bytes);
	return 0;
}

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

typedef enum Part { CONTENT, METADATA, EMPTY } Part;

/* The pages of a stretch that differ. Of the areas, either those with a content or those without. */
static int write_pages(const Writing *writing, size_t from, size_t to, Part part)
{
	for (size_t at = from; at < to; at += PAGE) {
		const uint8_t *page = writing->after + at;

		if (memcmp(page, writing->before + at, PAGE) == 0 ||
			(part != METADATA && is_zero(page) != (part == EMPTY)))
			continue;
		if (pwrite(writing->device_fd, page, PAGE, (off_t)at) != PAGE)
			return -EIO;
	}
	return fsync(writing->device_fd) < 0 ? -errno : 0;
}

/* The first page last: by it, the rest of the copy is found. */
static int write_copy(const Writing *writing, size_t from)
{
	int r = write_pages(writing, from + PAGE, from + SK_LUKS2_METADATA_SIZE, METADATA);

	return r < 0 ? r : write_pages(writing, from, from + PAGE, METADATA);
}

static int write_all(const Writing *writing)
{
	const size_t areas = 2 * SK_LUKS2_METADATA_SIZE;
	int r = write_pages(writing, areas, SK_LUKS2_DATA_OFFSET, CONTENT);

	if (r == 0)
		r = write_copy(writing, SK_LUKS2_METADATA_SIZE);
	if (r == 0)
		r = write_copy(writing, 0);
	return r < 0 ? r : write_pages(writing, areas, SK_LUKS2_DATA_OFFSET, EMPTY);
}

/* From the device, not from what the kernel still has of what was written. */
static int compare(const Writing *writing, MediaDetail *detail)
{
	own_free uint8_t *piece = malloc(PIECE);

	if (!piece)
		return -ENOMEM;
	if (ioctl(writing->device_fd, BLKFLSBUF, 0) < 0)
		return -errno;
	for (size_t at = 0; at < SK_LUKS2_DATA_OFFSET; at += PIECE)
		if (pread(writing->device_fd, piece, PIECE, (off_t)at) != PIECE ||
			memcmp(piece, writing->after + at, PIECE) != 0) {
			sk_str_copy(
				detail->text, sizeof(detail->text), "what was written is not what is read");
			return -EIO;
		}
	return 0;
}

int media_header_change(const MediaHeaderChange *change, MediaDetail *detail)
{
	own_free uint8_t *before = NULL, *after = NULL;
	int r = load(change->before_fd, &before);

	if (r == 0)
		r = load(change->after_fd, &after);
	if (r < 0)
		return r;
	const Writing writing = {change->device_fd, before, after};

	r = write_all(&writing);
	return r < 0 ? r : compare(&writing, detail);
}
