/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/definitions.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/scanner/engine.h"
#include "agent/scanner/hash.h"
#include "config.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

/* What cl_load() reads from a folder (libclamav/readdb.h, CLI_DBEXT). */
static const char *const suffixes[] = {"cvd", "cld", "cud", "hdb", "hdu", "hsb", "hsu", "fp", "sfp", "mdb",
	"mdu", "msb", "msu", "ndb", "ndu", "ldb", "ldu", "sdb", "zmd", "rmd", "pdb", "gdb", "wdb", "cbc",
	"ftm", "cfg", "db", "cdb", "cat", "crb", "idb", "ioc", "yar", "yara", "pwdb", "ign", "ign2", "imp",
	"info"};

/* Signatures that can have a subsignature of a picture are in logical databases only. */
static const char picture_mark[] = "fuzzy_img";

static const char *find_suffix(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot != name && i < SK_ARRAY_SIZE(suffixes); i++)
		if (strcasecmp(dot + 1, suffixes[i]) == 0)
			return suffixes[i];
	return NULL;
}

static bool is_container(const char *suffix)
{
	return sk_str_eq(suffix, "cvd") || sk_str_eq(suffix, "cld") || sk_str_eq(suffix, "cud");
}

typedef int (*EachFile)(int dir_fd, const char *name, const char *path, void *userdata);

/* Calls back for each definition file until one returns not 0. Return: that, or negative errno. */
static int each_file(const char *directory, EachFile each, void *userdata)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir))) {
		char path[4096];

		if (find_suffix(entry->d_name) &&
			sk_str_format(path, sizeof(path), "%s/%s", directory, entry->d_name))
			r = each(dirfd(dir), entry->d_name, path, userdata);
	}
	closedir(dir);
	return r;
}

static uint64_t first_bytes(const uint8_t hash[HASH_SIZE])
{
	uint64_t value;

	memcpy(&value, hash, sizeof(value));
	return value;
}

/* Sums up, so that the order of the folder does not matter. */
static int add_file(int dir_fd, const char *name, const char *path, void *userdata)
{
	Definitions *definitions = userdata;
	uint8_t hash[HASH_SIZE];
	struct stat st;
	char text[512];
	int64_t built = 0;

	if (fstatat(dir_fd, name, &st, 0) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (is_container(find_suffix(name)))
		built = engine_build_time(path);
	sk_str_format(text, sizeof(text), "%s/%s %lld %lld.%09ld %lld %s", SK_VERSION, name,
		(long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)built,
		name);
	if (hash_bytes((const uint8_t *)text, strlen(text), hash) == 0)
		definitions->version += first_bytes(hash);
	if (built == 0)
		built = st.st_mtim.tv_sec;
	if (built > definitions->time)
		definitions->time = built;
	definitions->files++;
	return 0;
}

int definitions_read(const char *directory, Definitions *ret_definitions)
{
	Definitions definitions = {0};
	int r = each_file(directory, add_file, &definitions);

	if (r < 0)
		return r;
	*ret_definitions = definitions;
	return 0;
}

const char *definitions_newest(const char *const *directories)
{
	const char *newest = directories[0];
	int64_t time = 0;

	for (; *directories; directories++) {
		Definitions found;

		if (definitions_read(*directories, &found) == 0 && found.files > 0 && found.time > time) {
			newest = *directories;
			time = found.time;
		}
	}
	return newest;
}

/* Reads on through the stream; keeps the end of each piece, for a mark across a border. */
typedef ssize_t (*ReadPiece)(void *source, void *buffer, size_t size);

static bool stream_has_mark(ReadPiece read_piece, void *source)
{
	enum { KEEP = sizeof(picture_mark) - 2 };
	char buffer[65536];
	size_t kept = 0;

	for (;;) {
		ssize_t n = read_piece(source, buffer + kept, sizeof(buffer) - kept);

		if (n < 0)
			return true;
		if (n == 0)
			return false;
		if (memmem(buffer, kept + (size_t)n, picture_mark, sizeof(picture_mark) - 1))
			return true;
		kept += (size_t)n;
		if (kept > KEEP) {
			memmove(buffer, buffer + kept - KEEP, KEEP);
			kept = KEEP;
		}
	}
}

static ssize_t read_plain(void *source, void *buffer, size_t size)
{
	ssize_t n = read(*(int *)source, buffer, size);

	return n < 0 && errno == EINTR ? read_plain(source, buffer, size) : n;
}

static ssize_t read_member(void *source, void *buffer, size_t size)
{
	return (ssize_t)archive_read_data(source, buffer, size);
}

static void archive_freep(struct archive **archive)
{
	archive_read_free(*archive);
}

/* A header of 512 bytes, then a tar archive, compressed or not. */
static bool container_has_mark(int fd)
{
	own_(archive_freep) struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	int r;

	if (!archive || lseek(fd, 512, SEEK_SET) < 0)
		return true;
	archive_read_support_filter_gzip(archive);
	archive_read_support_format_tar(archive);
	if (archive_read_open_fd(archive, fd, 65536) != ARCHIVE_OK)
		return true;
	while ((r = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(entry), *suffix = name ? find_suffix(name) : NULL;

		if (suffix && (sk_str_eq(suffix, "ldb") || sk_str_eq(suffix, "ldu")) &&
			stream_has_mark(read_member, archive))
			return true;
	}
	return r != ARCHIVE_EOF;
}

static int look_for_mark(int dir_fd, const char *name, const char *path, void *userdata)
{
	const char *suffix = find_suffix(name);
	bool logical = sk_str_eq(suffix, "ldb") || sk_str_eq(suffix, "ldu");
	own_fd int fd = -1;

	if (!logical && !is_container(suffix))
		return 0;
	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 1;
	return logical ? stream_has_mark(read_plain, &fd) : container_has_mark(fd);
}

bool definitions_compare_pictures(const char *directory)
{
	return each_file(directory, look_for_mark, NULL) != 0;
}
