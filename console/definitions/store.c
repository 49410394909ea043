/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/definitions/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/str.h"

#define CURRENT "current.json"
#define CURRENT_MAX (1u << 20)

static int open_folder(int dir_fd, const char *name)
{
	int fd;

	if (mkdirat(dir_fd, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_current(Store *store)
{
	own_free char *text = NULL;
	json_auto_t *current = NULL;
	size_t size;
	int r = sk_io_read_file_at(store->dir_fd, CURRENT, CURRENT_MAX, &text, &size);

	if (r == 0) {
		current = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
		store->files = json_incref(json_object_get(current, "files"));
	} else if (r == -ENOENT) {
		store->files = json_array();
		r = 0;
	}
	return r < 0 ? r : json_is_array(store->files) ? 0 : -EUCLEAN;
}

int store_open(const char *directory, Store *ret_store)
{
	Store store = {.dir_fd = open_folder(AT_FDCWD, directory), .files_fd = -1};
	int r = store.dir_fd < 0 ? store.dir_fd : 0;

	if (r == 0 && (store.files_fd = open_folder(store.dir_fd, "files")) < 0)
		r = store.files_fd;
	if (r == 0 && flock(store.files_fd, LOCK_EX | LOCK_NB) < 0)
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (r == 0)
		r = read_current(&store);
	if (r < 0) {
		store_close(&store);
		return r;
	}
	*ret_store = store;
	return 0;
}

void store_close(Store *store)
{
	const int fds[] = {store->dir_fd, store->files_fd};

	for (size_t i = 0; i < SK_ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	json_decref(store->files);
}

bool store_is_name(const char *name)
{
	size_t stem = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return stem > 0 && stem < 32 && (sk_str_eq(name + stem, ".cvd") || sk_str_eq(name + stem, ".cld"));
}

static const char *text(const json_t *file, const char *member)
{
	const char *value = json_string_value(json_object_get(file, member));

	return value ? value : "";
}

/* daily.cvd and daily.cld are the same database: one of them is served. */
static bool same_database(const char *a, const char *b)
{
	size_t stem = strcspn(a, ".");

	return stem == strcspn(b, ".") && memcmp(a, b, stem) == 0;
}

int64_t store_number(const Store *store, const char *name)
{
	const json_t *file;
	size_t i;

	json_array_foreach (store->files, i, file)
		if (same_database(text(file, "name"), name))
			return json_integer_value(json_object_get(file, "number"));
	return 0;
}

int store_digest(int fd, StoreFile *file)
{
	uint8_t digest[SK_SHA256_SIZE];
	char buffer[65536];
	off_t at = 0;
	SkSha256 hash;
	ssize_t n;

	sk_sha256_init(&hash);
	while ((n = pread(fd, buffer, sizeof(buffer), at)) > 0) {
		sk_sha256_update(&hash, buffer, (size_t)n);
		at += n;
	}
	if (n < 0)
		return -errno;
	sk_sha256_final(&hash, digest);
	sk_hex_format(file->sha256, digest, sizeof(digest));
	file->size = (uint64_t)at;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static json_t *file_json(const StoreFile *file)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:I}", "name", file->name, "kind",
		file->name + strcspn(file->name, ".") + 1, "number", (json_int_t)file->number, "built",
		(json_int_t)file->built, "size", (json_int_t)file->size, "sha256", file->sha256, "source",
		file->source, "came", (json_int_t)now_ms());
}

/* The others, and this one in the place of the one before. */
static json_t *list_with(const Store *store, const StoreFile *file)
{
	json_t *list = json_array(), *other;
	size_t i;

	json_array_foreach (store->files, i, other)
		if (!same_database(text(other, "name"), file->name))
			json_array_append(list, other);
	json_array_append_new(list, file_json(file));
	return list;
}

static int write_current(Store *store, json_t *files)
{
	json_auto_t *current = json_pack("{s:O}", "files", files);
	own_free char *dump = current ? json_dumps(current, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	return dump ? sk_io_replace_file_at(store->dir_fd, CURRENT, 0644, dump, strlen(dump)) : -ENOMEM;
}

static bool is_served(const Store *store, const char *sha256)
{
	const json_t *file;
	size_t i;

	json_array_foreach (store->files, i, file)
		if (sk_str_eq(text(file, "sha256"), sha256))
			return true;
	return false;
}

/* Only after current.json is on the disk: a kill leaves too much, never too little. */
static void sweep(const Store *store)
{
	int fd = openat(store->files_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !is_served(store, entry->d_name))
			unlinkat(store->files_fd, entry->d_name, 0);
	if (dir)
		closedir(dir);
}

static int move_in(const Store *store, const char *part, const char *sha256)
{
	own_fd int fd = openat(store->files_fd, part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0644) < 0 || fsync(fd) < 0 ||
		renameat(store->files_fd, part, store->files_fd, sha256) < 0 || fsync(store->files_fd) < 0)
		return -errno;
	return 0;
}

int store_take(Store *store, const char *part, const StoreFile *file)
{
	json_auto_t *files = NULL;
	int r;

	if (file->number < store_number(store, file->name))
		return -ESTALE;
	if (json_array_size(store->files) >= STORE_FILES_MAX)
		return -ENOSPC;
	r = move_in(store, part, file->sha256);
	if (r < 0)
		return r;
	files = list_with(store, file);
	r = files ? write_current(store, files) : -ENOMEM;
	if (r < 0)
		return r;
	json_decref(store->files);
	store->files = json_incref(files);
	sweep(store);
	return 0;
}
