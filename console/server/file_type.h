/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What a file is by its content (libmagic), whatever it is called. For any thread. */
#include <stddef.h>

#include "lib/base/own.h"

typedef struct SkFileType SkFileType;

/* Before the jail: reads libmagic's database. Return: 0, -ENOENT without one, -ENOMEM. */
int sk_file_type_new(SkFileType **ret_type);
void sk_file_type_free(SkFileType *type);

#define SK_FILE_TYPE_SIZE 128

/* "image/png"; "application/octet-stream" for what is not known. */
void sk_file_type_of(SkFileType *type, const void *bytes, size_t size, char ret_name[SK_FILE_TYPE_SIZE]);
