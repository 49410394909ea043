/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/uplink/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/ipc/proto_uplink.h"
#include "lib/log/log.h"

#define NUMBER_DIGITS 16
#define NAME_SIZE (NUMBER_DIGITS + 1 + SPOOL_KEY_SIZE)
/* What a small file really takes. */
#define BLOCK 4096u

typedef struct Entry {
	struct Entry *prev, *next;
	uint64_t number;
	uint64_t bytes;
	char key[SPOOL_KEY_SIZE];
} Entry;

struct Spool {
	int fd;
	Entry *entries; /* the oldest first */
	uint64_t last, count, bytes;
};

static void format_name(char name[NAME_SIZE], uint64_t number, const char *key)
{
	sk_str_format(name, NAME_SIZE, "%0*llx-%s", NUMBER_DIGITS, (unsigned long long)number, key);
}

static bool parse_name(const char *name, uint64_t *ret_number, char ret_key[SPOOL_KEY_SIZE])
{
	char digits[NUMBER_DIGITS + 1];
	const char *key = name + NUMBER_DIGITS + 1;

	if (strlen(name) != NAME_SIZE - 1 || name[NUMBER_DIGITS] != '-' ||
		strspn(key, "0123456789abcdef") != SPOOL_KEY_SIZE - 1)
		return false;
	memcpy(digits, name, NUMBER_DIGITS);
	digits[NUMBER_DIGITS] = 0;
	return sk_num_parse(digits, 16, UINT64_MAX - 1, ret_number) == 0 &&
	       sk_str_copy(ret_key, SPOOL_KEY_SIZE, key);
}

static uint64_t bytes_on_disk(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static int compare_entries(const Entry *a, const Entry *b)
{
	return a->number < b->number ? -1 : a->number > b->number;
}

static int append_entry(Spool *spool, uint64_t number, const char *key, uint64_t size)
{
	Entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	entry->number = number;
	entry->bytes = bytes_on_disk(size);
	sk_str_copy(entry->key, sizeof(entry->key), key);
	DL_APPEND(spool->entries, entry);
	spool->count++;
	spool->bytes += entry->bytes;
	if (number > spool->last)
		spool->last = number;
	return 0;
}

static void forget_entry(Spool *spool, Entry *entry)
{
	DL_DELETE(spool->entries, entry);
	spool->count--;
	spool->bytes -= entry->bytes;
	free(entry);
}

static int list(Spool *spool)
{
	int copy = openat(spool->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	char key[SPOOL_KEY_SIZE];
	uint64_t number;

	if (!directory) {
		r = -errno;
		if (copy >= 0)
			close(copy);
		return r;
	}
	while (r == 0 && (entry = readdir(directory))) {
		struct stat st;

		if (parse_name(entry->d_name, &number, key) &&
			fstatat(spool->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			r = append_entry(spool, number, key, (uint64_t)st.st_size);
		/* A call that was not acknowledged: the kill came before the rename. */
		else if (entry->d_name[0] == '.' && strstr(entry->d_name, ".new"))
			unlinkat(spool->fd, entry->d_name, 0);
	}
	closedir(directory);
	DL_SORT(spool->entries, compare_entries);
	return r;
}

int spool_open(int dir_fd, const char *name, Spool **ret_spool)
{
	own_spool Spool *spool = calloc(1, sizeof(*spool));
	int r;

	if (!spool)
		return -ENOMEM;
	spool->fd = -1;
	if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	spool->fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (spool->fd < 0)
		return -errno;
	r = list(spool);
	if (r == 0)
		*ret_spool = own_take(spool);
	return r;
}

void spool_close(Spool *spool)
{
	if (!spool)
		return;
	while (spool->entries)
		forget_entry(spool, spool->entries);
	if (spool->fd >= 0)
		close(spool->fd);
	free(spool);
}

int spool_add(Spool *spool, const SpoolCall *call, uint64_t most)
{
	size_t head = strlen(call->operation) + 1, size = head + call->size;
	own_free char *text = NULL;
	char name[NAME_SIZE];
	const Entry *entry;
	int r;

	DL_FOREACH (spool->entries, entry) {
		if (sk_str_eq(entry->key, call->key))
			return 0;
	}
	if (spool->bytes + bytes_on_disk(size) > most)
		return -ENOSPC;
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	memcpy(text, call->operation, head - 1);
	text[head - 1] = '\n';
	memcpy(text + head, call->data, call->size);
	format_name(name, spool->last + 1, call->key);
	r = sk_io_replace_file_at(spool->fd, name, 0600, text, size);
	return r < 0 ? r : append_entry(spool, spool->last + 1, call->key, size);
}

static int read_call(Spool *spool, const Entry *entry, SpoolCall *call)
{
	own_free char *text = NULL;
	char name[NAME_SIZE];
	size_t size = 0, head;
	int r;

	format_name(name, entry->number, entry->key);
	r = sk_io_read_file_at(spool->fd, name, SK_UPLINK_JSON_MAX + SPOOL_OPERATION_SIZE, &text, &size);
	if (r < 0)
		return r;
	head = strcspn(text, "\n");
	if (head == size || head == 0 || head >= sizeof(call->operation))
		return -EBADMSG;
	*call = (SpoolCall){.number = entry->number, .size = size - head - 1};
	memcpy(call->operation, text, head);
	sk_str_copy(call->key, sizeof(call->key), entry->key);
	memmove(text, text + head + 1, size - head);
	call->data = own_take(text);
	return 0;
}

static void put_aside(Spool *spool, Entry *entry, int result)
{
	char name[NAME_SIZE], bad[NAME_SIZE + 4];

	format_name(name, entry->number, entry->key);
	sk_str_format(bad, sizeof(bad), "%s.bad", name);
	sk_log(LOG_ERR, "the waiting call %s cannot be read and is put aside: %s", name, strerror(-result));
	renameat(spool->fd, name, spool->fd, bad);
	forget_entry(spool, entry);
}

int spool_first(Spool *spool, SpoolCall *ret_call)
{
	while (spool->entries) {
		int r = read_call(spool, spool->entries, ret_call);

		if (r == 0 || r == -ENOMEM)
			return r;
		put_aside(spool, spool->entries, r);
	}
	return -ENOENT;
}

void spool_remove(Spool *spool, uint64_t number)
{
	char name[NAME_SIZE];
	Entry *entry;

	DL_FOREACH (spool->entries, entry) {
		if (entry->number != number)
			continue;
		format_name(name, entry->number, entry->key);
		/* Not synced: a call that comes back after a power cut is delivered again, under the same
		 * key. */
		unlinkat(spool->fd, name, 0);
		forget_entry(spool, entry);
		return;
	}
}

uint64_t spool_count(const Spool *spool)
{
	return spool->count;
}

uint64_t spool_bytes(const Spool *spool)
{
	return spool->bytes;
}
