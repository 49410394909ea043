/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The copy is a row of files: length of the name (1 byte), name, length (2 bytes, the low one first), bytes.
 */
#include "console/server/home_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>

#include "console/keys/keystore_kind.h"
#include "console/server/home_inside.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define SECRET "secret"
#define FILE_MAX 16384
#define COPY_MAX (256 * 1024)
#define NAME_SIZE 64

/* ---- out ---- */

typedef struct Writer {
	uint8_t *bytes; /* COPY_MAX; wiped */
	size_t size;
} Writer;

static int put(Writer *writer, const char *name, const void *data, size_t size)
{
	const size_t name_size = strlen(name);
	uint8_t *at = writer->bytes + writer->size;

	if (writer->size + 3 + name_size + size > COPY_MAX)
		return -E2BIG;
	*at++ = (uint8_t)name_size;
	memcpy(at, name, name_size);
	at += name_size;
	*at++ = (uint8_t)size;
	*at++ = (uint8_t)(size >> 8);
	memcpy(at, data, size);
	writer->size += 3 + name_size + size;
	return 0;
}

/* Of the directory of keys. */
static int put_key(Writer *writer, int keys_fd, const char *name)
{
	own_free char *data = NULL;
	size_t size;
	int r = sk_io_read_file_at(keys_fd, name, FILE_MAX, &data, &size);

	if (r < 0)
		return r;
	r = put(writer, name, data, size);
	sk_secret_wipe(data, size);
	return r;
}

static int put_seeds(Writer *writer, int keys_fd)
{
	own_fd int fd = openat(keys_fd, "signing", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t numbers[SK_KEYSTORE_EPOCHS_MAX];
	int count = fd < 0 ? -errno : sk_epoch_files_list(fd, "seed", numbers), r = 0;

	for (int i = 0; i < count && r == 0; i++) {
		char file[SK_EPOCH_FILE_SIZE], name[NAME_SIZE];

		sk_epoch_file_name(numbers[i], "seed", file);
		sk_str_format(name, sizeof(name), "signing/%s", file);
		r = put_key(writer, keys_fd, name);
	}
	return count < 0 ? count : r;
}

/* The secret is not looked for again: who serves may not open its file any more. */
static int put_all(Writer *writer, const SkServerSettings *settings, const SkHome *home)
{
	own_fd int keys_fd = open(settings->keys.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = keys_fd < 0 ? -errno
			    : put(writer, SECRET, sk_secret_data(home->secret), sk_secret_size(home->secret));

	if (r == 0)
		r = put_key(writer, keys_fd, "ca/ca.key");
	if (r == 0)
		r = put_key(writer, keys_fd, "ca/ca.pem");
	return r < 0 ? r : put_seeds(writer, keys_fd);
}

int sk_home_copy(const SkServerSettings *settings, const SkHome *home, SkSecret **ret_copy)
{
	own_free uint8_t *bytes = malloc(COPY_MAX);
	Writer writer = {.bytes = bytes};
	own_secret SkSecret *copy = NULL;
	int r = bytes ? put_all(&writer, settings, home) : -ENOMEM;

	if (r == 0)
		r = sk_secret_new(writer.size, &copy);
	if (r == 0) {
		memcpy(sk_secret_data(copy), bytes, writer.size);
		*ret_copy = own_take(copy);
	}
	if (bytes)
		sk_secret_wipe(bytes, writer.size);
	return r;
}

/* ---- in ---- */

/* The names that a copy may have: nobody else's file is written. */
static bool is_ours(const char *name)
{
	uint64_t number;
	char seed[SK_EPOCH_FILE_SIZE];

	if (sk_str_eq(name, SECRET) || sk_str_eq(name, "ca/ca.key") || sk_str_eq(name, "ca/ca.pem"))
		return true;
	if (!sk_str_starts(name, "signing/epoch-"))
		return false;
	number = strtoull(name + strlen("signing/epoch-"), NULL, 10);
	sk_epoch_file_name(number, "seed", seed);
	return sk_str_eq(name + strlen("signing/"), seed);
}

static int write_at(SkHome *home, const char *path, const uint8_t *data, size_t size)
{
	own_free char *copy = strdup(path);
	own_fd int fd = -1;
	int r = copy ? sk_home_make_directory(home, dirname(copy)) : -ENOMEM;

	if (r < 0)
		return r;
	fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : sk_io_replace_file_at(fd, strrchr(path, '/') + 1, 0600, data, size);
	return r < 0 ? sk_home_fail(home, path, r) : 0;
}

static int paste_one(
	const SkServerSettings *settings, SkHome *home, const char *name, const uint8_t *data, size_t size)
{
	char path[PATH_MAX];
	int r;

	if (!is_ours(name))
		return -EBADMSG;
	if (sk_str_eq(name, SECRET))
		return write_at(home, settings->session.secret_file, data, size);
	r = sk_home_path(settings, name, path);
	return r < 0 ? r : write_at(home, path, data, size);
}

int sk_home_paste(const SkServerSettings *settings, SkHome *home, SkSecret *copy)
{
	const uint8_t *at = sk_secret_data(copy), *end = at + sk_secret_size(copy);
	int r = 0;

	while (at < end && r == 0) {
		char name[NAME_SIZE] = "";
		size_t name_size = *at++, size;

		if (name_size >= sizeof(name) || (size_t)(end - at) < name_size + 2)
			return -EBADMSG;
		memcpy(name, at, name_size);
		at += name_size;
		size = (size_t)at[0] | (size_t)at[1] << 8;
		at += 2;
		if ((size_t)(end - at) < size)
			return -EBADMSG;
		r = paste_one(settings, home, name, at, size);
		at += size;
	}
	return r;
}
