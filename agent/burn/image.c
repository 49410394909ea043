/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/burn/image.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The order matters: each needs what the one before it has. */
#include <libburn/libburn.h>
#include <libisofs/libisofs.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/slip/name.h"

#define VOLUME_NAME "SEKISHO"
/* Files of 4 GiB and more. */
#define ISO_LEVEL 3
/* Empty ones at the end, for readers that look ahead and fail at the run-out of a disc. */
#define TAIL_BLOCKS 150

struct Image {
	struct burn_source *inner, *outer;
	uint64_t size, taken;
	SkSha256 hash;
	bool broken; /* a file could not be read: what was written is not it */
};

/* A file as libisofs wants to see it. */
typedef struct Stream {
	Image *image;
	int fd;
	uint64_t size, at;
	ino_t id;
} Stream;

static int stream_open(IsoStream *iso)
{
	((Stream *)iso->data)->at = 0;
	return ISO_SUCCESS;
}

static int stream_close(IsoStream *iso)
{
	return ISO_SUCCESS;
}

static off_t stream_size(IsoStream *iso)
{
	return (off_t)((Stream *)iso->data)->size;
}

static int stream_read(IsoStream *iso, void *data, size_t size)
{
	Stream *stream = iso->data;
	uint64_t left = stream->size - stream->at;
	size_t wanted = size < left ? size : (size_t)left;
	ssize_t n = sk_io_pread_up_to(stream->fd, data, wanted, stream->at);

	if (n < 0 || (size_t)n < wanted) {
		stream->image->broken = true;
		return (int)ISO_FILE_READ_ERROR;
	}
	stream->at += (uint64_t)n;
	return (int)n;
}

static int stream_is_repeatable(IsoStream *iso)
{
	return 1;
}

static void stream_id(IsoStream *iso, unsigned *ret_fs, dev_t *ret_dev, ino_t *ret_ino)
{
	*ret_fs = 0;
	*ret_dev = 0;
	*ret_ino = ((Stream *)iso->data)->id;
}

static void stream_free(IsoStream *iso)
{
	free(iso->data);
}

static IsoStreamIface stream_class = {.version = 0,
	.type = "user",
	.open = stream_open,
	.close = stream_close,
	.get_size = stream_size,
	.read = stream_read,
	.is_repeatable = stream_is_repeatable,
	.get_id = stream_id,
	.free = stream_free};

static IsoStream *stream_new(Image *image, const ImageFile *file)
{
	own_free Stream *stream = calloc(1, sizeof(*stream));
	IsoStream *iso = calloc(1, sizeof(*iso));

	if (!stream || !iso) {
		free(iso);
		return NULL;
	}
	*stream = (Stream){.image = image, .fd = file->fd, .size = file->size, .id = serial_id++};
	iso->class = &stream_class;
	iso->refcount = 1;
	iso->data = own_take(stream);
	return iso;
}

static int add_files(Image *image, IsoDir *root, const ImageFile *files, size_t n_files)
{
	IsoDir *folder = NULL;

	for (size_t i = 0; i < n_files; i++) {
		IsoStream *stream = stream_new(image, &files[i]);
		IsoFile *node = NULL;

		if (!stream)
			return -ENOMEM;
		if (files[i].in_folder && !folder && iso_tree_add_new_dir(root, SK_SLIP_FOLDER, &folder) < 0)
			return -EIO;
		if (iso_tree_add_new_file(files[i].in_folder ? folder : root, files[i].name, stream, &node) <
			0)
			return -EIO;
	}
	return 0;
}

static int set_options(IsoWriteOpts *options)
{
	return iso_write_opts_set_iso_level(options, ISO_LEVEL) < 0 ||
			       iso_write_opts_set_rockridge(options, 1) < 0 ||
			       iso_write_opts_set_joliet(options, 1) < 0 ||
			       iso_write_opts_set_always_gmt(options, 1) < 0 ||
			       iso_write_opts_set_replace_mode(options, 1, 1, 1, 1) < 0 ||
			       iso_write_opts_set_tail_blocks(options, TAIL_BLOCKS) < 0
		       ? -EIO
		       : 0;
}

/* What libburn reads goes through here. */
static int source_read(struct burn_source *source, unsigned char *data, int size)
{
	Image *image = source->data;
	struct burn_source *inner = image->inner;
	int n = inner->read ? inner->read(inner, data, size) : inner->read_xt(inner, data, size);

	if (n > 0) {
		sk_sha256_update(&image->hash, data, (size_t)n);
		image->taken += (uint64_t)n;
	}
	return n;
}

static off_t source_size(struct burn_source *source)
{
	return (off_t)((Image *)source->data)->size;
}

static int source_set_size(struct burn_source *source, off_t size)
{
	return 1; /* it is what it is */
}

static void source_free(struct burn_source *source)
{
}

static int make_source(Image *image)
{
	image->outer = calloc(1, sizeof(*image->outer));
	if (!image->outer)
		return -ENOMEM;
	image->outer->refcount = 1;
	image->outer->read = source_read;
	image->outer->get_size = source_size;
	image->outer->set_size = source_set_size;
	image->outer->free_data = source_free;
	image->outer->data = image;
	return 0;
}

int image_new(const ImageFile *files, size_t n_files, Image **ret_image)
{
	Image *image = calloc(1, sizeof(*image));
	IsoWriteOpts *options = NULL;
	IsoImage *iso = NULL;
	int r = image ? 0 : -ENOMEM;

	/* Nothing is given back when it fails: the process ends with it. */
	if (r == 0)
		r = iso_image_new(VOLUME_NAME, &iso) < 0
			    ? -EIO
			    : add_files(image, iso_image_get_root(iso), files, n_files);
	if (r == 0)
		r = iso_write_opts_new(&options, 0) < 0 ? -EIO : set_options(options);
	if (r == 0 && iso_image_create_burn_source(iso, options, &image->inner) < 0)
		r = -EIO;
	if (r == 0)
		r = make_source(image);
	if (r < 0)
		return r;
	image->size = (uint64_t)image->inner->get_size(image->inner);
	sk_sha256_init(&image->hash);
	*ret_image = image;
	return 0;
}

uint64_t image_size(const Image *image)
{
	return image->size;
}

struct burn_source *image_source(Image *image)
{
	return image->outer;
}

int image_digest(Image *image, uint8_t ret_sha256[SK_SHA256_SIZE])
{
	if (image->broken || image->taken != image->size)
		return -EIO;
	sk_sha256_final(&image->hash, ret_sha256);
	return 0;
}

int image_warm_up(void)
{
	const ImageFile file = {.name = "warm-up", .fd = memfd_create("sekisho", MFD_CLOEXEC)};
	char kept[] = "NEVER", printed[] = "NEVER", prefix[] = "";
	unsigned char block[IMAGE_BLOCK];
	Image *image = NULL;
	int r = file.fd < 0 ? -errno : iso_init() < 0 ? -EIO : 0;

	if (r == 0) {
		iso_set_msgs_severities(kept, printed, prefix);
		r = image_new(&file, 1, &image);
	}
	/* To its end: the thread that makes it ends then. */
	while (r == 0 && image->taken < image->size)
		r = source_read(image->outer, block, sizeof(block)) > 0 ? 0 : -EIO;
	if (file.fd >= 0)
		close(file.fd);
	return r;
}
