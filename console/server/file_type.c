/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/file_type.h"

#include <errno.h>
#include <magic.h>
#include <pthread.h>

#include "lib/base/str.h"

/* Nothing that unpacks, walks through a format or asks the environment; the beginning of a file is enough. */
#define FLAGS                                                                                                \
	(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_ELF |               \
		MAGIC_NO_CHECK_CDF | MAGIC_NO_CHECK_TOKENS | MAGIC_NO_CHECK_APPTYPE)
#define LOOK_MAX 65536

struct SkFileType {
	pthread_mutex_t mutex;
	magic_t magic;
};

int sk_file_type_new(SkFileType **ret_type)
{
	SkFileType *type = calloc(1, sizeof(*type));

	if (!type)
		return -ENOMEM;
	pthread_mutex_init(&type->mutex, NULL);
	type->magic = magic_open(FLAGS);
	if (!type->magic || magic_load(type->magic, NULL) < 0) {
		sk_file_type_free(type);
		return -ENOENT;
	}
	*ret_type = type;
	return 0;
}

void sk_file_type_free(SkFileType *type)
{
	if (!type)
		return;
	if (type->magic)
		magic_close(type->magic);
	pthread_mutex_destroy(&type->mutex);
	free(type);
}

void sk_file_type_of(SkFileType *type, const void *bytes, size_t size, char ret_name[SK_FILE_TYPE_SIZE])
{
	const char *name;

	pthread_mutex_lock(&type->mutex);
	name = magic_buffer(type->magic, bytes, size < LOOK_MAX ? size : LOOK_MAX);
	if (!name || !sk_str_copy(ret_name, SK_FILE_TYPE_SIZE, name))
		sk_str_copy(ret_name, SK_FILE_TYPE_SIZE, "application/octet-stream");
	pthread_mutex_unlock(&type->mutex);
}
