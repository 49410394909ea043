/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/definitions/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console/definitions/verify.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/base64.h"
#include "lib/dsse/dsse.h"

#define MANIFEST_MAX (1u << 20)
#define KEYS_MAX 16
#define PART ".import"

static int explain(int r, char why[BUNDLE_WHY_SIZE], const char *name, const char *text)
{
	sk_str_format(why, BUNDLE_WHY_SIZE, "%s: %s", name, text);
	return r;
}

/* A public key a line, base64, as `sekisho-admin agent trust` shows it; # begins a comment. */
static int read_keys(const char *path, SkDsseKey keys[KEYS_MAX], size_t *ret_count)
{
	own_free char *text = NULL;
	char *rest, *line;
	size_t size, count = 0;
	int r = sk_io_read_file_at(AT_FDCWD, path, 65536, &text, &size);

	if (r < 0)
		return r;
	rest = text;
	while (count < KEYS_MAX && (line = strsep(&rest, "\n"))) {
		SkDsseKey *key = &keys[count];
		uint8_t data[SK_SIGN_PUBLIC_SIZE + 3];

		if (!*line || *line == '#')
			continue;
		if (strlen(line) != SK_BASE64_SIZE(SK_SIGN_PUBLIC_SIZE) - 1 ||
			sk_base64_parse(line, strlen(line), data, &size) < 0 ||
			size != sizeof(key->public_key))
			return -EBADMSG;
		memcpy(key->public_key, data, sizeof(key->public_key));
		sk_dsse_key_id(key->public_key, key->id);
		count++;
	}
	*ret_count = count;
	return 0;
}

static int open_manifest(
	int dir_fd, const MirrorSettings *settings, json_t **ret_files, char why[BUNDLE_WHY_SIZE])
{
	SkDsseKey keys[KEYS_MAX];
	SkDsseCheck check = {.keys = keys, .type = SK_DSSE_DEFINITIONS, .payload_max = MANIFEST_MAX};
	own_free char *text = NULL;
	SkDsseOpened opened = {0};
	json_auto_t *payload = NULL;
	size_t size;
	int r = sk_io_read_file_at(dir_fd, "manifest.json", MANIFEST_MAX, &text, &size);

	if (r < 0)
		return explain(r, why, "manifest.json", strerror(-r));
	r = read_keys(settings->mirror.keys, keys, &check.n_keys);
	if (r < 0)
		return explain(r == -ENOENT ? -EKEYREJECTED : r, why, settings->mirror.keys,
			r == -ENOENT ? "there are no keys whose bundles are believed" : strerror(-r));
	r = sk_dsse_verify(text, size, &check, &opened);
	if (r < 0)
		return explain(r, why, "manifest.json", "not signed with a key that is believed");
	payload = json_loadb(opened.payload, opened.size, JSON_REJECT_DUPLICATES, NULL);
	free(opened.payload);
	if (!json_is_array(json_object_get(payload, "files")))
		return explain(-EBADMSG, why, "manifest.json", "names no files");
	*ret_files = json_incref(json_object_get(payload, "files"));
	return 0;
}

/* In one go, so that what is looked at is what is kept. */
static int copy_in(const Store *store, int from_fd, uint64_t most)
{
	own_fd int fd = -1;
	char buffer[65536];
	uint64_t size = 0;
	ssize_t n;

	unlinkat(store->files_fd, PART, 0);
	fd = openat(store->files_fd, PART, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	while ((n = read(from_fd, buffer, sizeof(buffer))) > 0) {
		int r = sk_io_write_all(fd, buffer, (size_t)n);

		size += (uint64_t)n;
		if (r < 0 || size > most)
			return r < 0 ? r : -EFBIG;
	}
	return n < 0 ? -errno : own_take_fd(&fd);
}

/* A file of the manifest. Return: 1 it was newer, 0, or negative errno. */
static int import_one(Store *store, const MirrorSettings *settings, int dir_fd, const json_t *wanted,
	char why[BUNDLE_WHY_SIZE])
{
	const char *name = json_string_value(json_object_get(wanted, "name"));
	const char *sha256 = json_string_value(json_object_get(wanted, "sha256"));
	StoreFile file = {.source = "bundle",
		.number = json_integer_value(json_object_get(wanted, "number")),
		.built = json_integer_value(json_object_get(wanted, "built"))};
	own_fd int from_fd = -1, fd = -1;
	int r;

	if (!name || !sha256 || !store_is_name(name) || file.number < 1 || file.built < 0)
		return explain(-EBADMSG, why, "manifest.json", "names a file that is no database");
	sk_str_copy(file.name, sizeof(file.name), name);
	if (file.number <= store_number(store, name))
		return 0;
	from_fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (from_fd < 0)
		return explain(-EBADMSG, why, name, strerror(errno));
	fd = copy_in(store, from_fd, settings->mirror.size_max);
	r = fd < 0 ? fd : store_digest(fd, &file);
	if (r == 0 && !sk_str_eq(file.sha256, sha256))
		r = -EBADMSG;
	if (r == 0)
		r = store_take(store, PART, &file);
	unlinkat(store->files_fd, PART, 0);
	return r < 0 ? explain(r, why, name,
			       r == -EBADMSG ? "is another file than the manifest says" : strerror(-r))
		     : 1;
}

static int import_bundle(Store *store, const MirrorSettings *settings, const char *path, unsigned *ret_count,
	char why[BUNDLE_WHY_SIZE])
{
	own_fd int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_auto_t *files = NULL;
	const json_t *file;
	size_t i;
	int r = dir_fd < 0 ? explain(-errno, why, path, strerror(errno))
			   : open_manifest(dir_fd, settings, &files, why);

	json_array_foreach (files, i, file) {
		if (r < 0)
			return r;
		r = import_one(store, settings, dir_fd, file, why);
		*ret_count += r > 0;
	}
	return r < 0 ? r : 0;
}

/* With ClamAV's own signature, and so from wherever it came. */
static int import_database(Store *store, const MirrorSettings *settings, const char *path,
	unsigned *ret_count, char why[BUNDLE_WHY_SIZE])
{
	own_fd int from_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), fd = -1;
	own_free char *copy = strdup(path);
	StoreFile file = {.source = "mirror"};
	char directory[PATH_MAX];
	Verified verified;
	int r = from_fd < 0 ? -errno : copy ? 0 : -ENOMEM;

	if (r == 0 &&
		(!sk_str_copy(file.name, sizeof(file.name), basename(copy)) || !store_is_name(file.name)))
		r = -EINVAL;
	if (r == 0)
		r = fd = copy_in(store, from_fd, settings->mirror.size_max);
	if (r >= 0)
		r = sk_str_format(directory, sizeof(directory), "%s/files", settings->mirror.directory)
			    ? verify_database(directory, PART, &verified)
			    : -ENAMETOOLONG;
	if (r == 0) {
		file.number = verified.number;
		file.built = verified.built;
		r = store_digest(fd, &file);
	}
	if (r == 0 && file.number > store_number(store, file.name)) {
		r = store_take(store, PART, &file);
		*ret_count += r == 0;
	}
	unlinkat(store->files_fd, PART, 0);
	return r < 0 ? explain(r, why, path,
			       r == -EBADMSG ? "has no valid signature of ClamAV" : strerror(-r))
		     : 0;
}

int bundle_import(Store *store, const MirrorSettings *settings, const char *path, unsigned *ret_count,
	char why[BUNDLE_WHY_SIZE])
{
	struct stat st;

	if (stat(path, &st) < 0)
		return explain(-errno, why, path, strerror(errno));
	return S_ISDIR(st.st_mode) ? import_bundle(store, settings, path, ret_count, why)
				   : import_database(store, settings, path, ret_count, why);
}
