/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The image of a disc: ISO 9660 with Joliet (Windows) and Rock Ridge (everybody else), made while it is
 * written. libisofs sees names of ours and sizes; what is in the files it passes on.
 */
#include <stdint.h>
#include <sys/types.h>

#include "lib/crypt/digest.h"

#define IMAGE_BLOCK 2048

typedef struct ImageFile {
	const char *name;
	int fd; /* read by place; borrowed as long as the image is read */
	uint64_t size;
	uint8_t in_folder; /* beneath SK_SLIP_FOLDER */
} ImageFile;

struct burn_source;
typedef struct Image Image;

/* Return: 0, -ENOMEM, -EIO libisofs cannot. */
int image_new(const ImageFile *files, size_t n_files, Image **ret_image);

uint64_t image_size(const Image *image);

/* For libburn; the image keeps it. */
struct burn_source *image_source(Image *image);

/* Of what was read of it. Return: 0; -EIO it was not read to its end, or not all of a file could be read. */
int image_digest(Image *image, uint8_t ret_sha256[SK_SHA256_SIZE]);

/* Once before the jail: libraries open their files with the first use. Return: 0 or negative errno. */
int image_warm_up(void);
