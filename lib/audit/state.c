/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/audit/state.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/audit/line.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

#define HEAD_SLOT_SIZE 128
#define HEAD_SLOTS 2
#define HEAD_SEQ_MAX UINT64_C(1000000000000000) /* leaves room for as many records behind a forged one */
#define HEAD_CHECK_SIZE 16

/* "SEQ HASH CHECK", filled up with blanks and a line break so that a person can read it. */
static void head_format(char slot[HEAD_SLOT_SIZE], const SkAuditHead *head)
{
	char text[HEAD_SLOT_SIZE], check[SK_SHA256_HEX_SIZE];
	size_t size;

	sk_str_format(text, sizeof(text), "%llu %s", (unsigned long long)head->seq, head->hash);
	sk_line_hash(check, text, strlen(text));
	size = strlen(text);
	sk_str_format(text + size, sizeof(text) - size, " %.*s", HEAD_CHECK_SIZE, check);
	memset(slot, ' ', HEAD_SLOT_SIZE);
	memcpy(slot, text, strlen(text));
	slot[HEAD_SLOT_SIZE - 1] = '\n';
}

static bool head_parse(const char *slot, SkAuditHead *ret_head)
{
	char again[HEAD_SLOT_SIZE], number[24];
	SkAuditHead head;
	const char *blank = memchr(slot, ' ', sizeof(number));
	uint64_t seq;

	if (!blank)
		return false;
	sk_str_format(number, sizeof(number), "%.*s", (int)(blank - slot), slot);
	if (sk_num_parse(number, 10, HEAD_SEQ_MAX, &seq) < 0)
		return false;
	head.seq = seq;
	sk_str_format(head.hash, sizeof(head.hash), "%.*s", (int)sizeof(head.hash) - 1, blank + 1);
	head_format(again, &head);
	if (memcmp(again, slot, HEAD_SLOT_SIZE) != 0 || !sk_hash_check(head.hash))
		return false;
	*ret_head = head;
	return true;
}

int sk_head_read(int dir_fd, SkAuditHead *ret_head)
{
	char slots[HEAD_SLOTS][HEAD_SLOT_SIZE + 1] = {0};
	own_fd int fd = openat(dir_fd, SK_HEAD_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool found = false;
	SkAuditHead head;

	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	for (int i = 0; i < HEAD_SLOTS; i++) {
		ssize_t n = pread(fd, slots[i], HEAD_SLOT_SIZE, (off_t)i * HEAD_SLOT_SIZE);

		if (n < 0)
			return -errno;
		if (n != HEAD_SLOT_SIZE || !head_parse(slots[i], &head) ||
			(found && head.seq <= ret_head->seq))
			continue;
		*ret_head = head;
		found = true;
	}
	return found ? 0 : -EBADMSG;
}

int sk_head_create(int dir_fd, const SkAuditHead *head, int *ret_fd)
{
	char slots[HEAD_SLOTS * HEAD_SLOT_SIZE];
	int fd, r;

	for (int i = 0; i < HEAD_SLOTS; i++)
		head_format(slots + i * HEAD_SLOT_SIZE, head);
	r = sk_io_replace_file_at(dir_fd, SK_HEAD_FILE, 0640, slots, sizeof(slots));
	if (r < 0)
		return r;
	fd = openat(dir_fd, SK_HEAD_FILE, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int sk_head_write(int fd, unsigned slot, const SkAuditHead *head)
{
	char text[HEAD_SLOT_SIZE];
	ssize_t n;

	head_format(text, head);
	n = pwrite(fd, text, sizeof(text), (off_t)(slot % HEAD_SLOTS) * HEAD_SLOT_SIZE);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(text) ? 0 : -EIO;
}

/* Little-endian; built and read in secret memory only. */
#define STATE_MAGIC "sekisho-audit-seal-state 1\n"
#define STATE_SIZE 512

typedef struct StateFile {
	char magic[32];
	uint64_t epoch;
	uint64_t segment;
	uint64_t seq;
	char hash[72];
	uint8_t key[SK_RATCHET_KEY_SIZE];
	uint8_t check[SK_SHA256_SIZE]; /* of everything before */
} StateFile;

_Static_assert(sizeof(StateFile) == 32 + 3 * 8 + 72 + 32 + 32, "the file has no holes");

int sk_seal_state_read(int dir_fd, SkSealState *ret_state, SkRatchet **ret_ratchet)
{
	own_fd int fd = openat(dir_fd, SK_SEAL_STATE_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	own_secret SkSecret *memory = NULL;
	uint8_t check[SK_SHA256_SIZE];
	const StateFile *file;
	ssize_t n;
	int r;

	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	r = sk_secret_new(STATE_SIZE, &memory);
	if (r < 0)
		return r;
	n = sk_io_read_up_to(fd, sk_secret_data(memory), STATE_SIZE);
	if (n < 0)
		return (int)n;
	if ((size_t)n != sizeof(*file))
		return -EBADMSG;
	file = (const StateFile *)sk_secret_data(memory);
	sk_sha256(check, file, offsetof(StateFile, check));
	if (memcmp(check, file->check, sizeof(check)) != 0 ||
		strncmp(file->magic, STATE_MAGIC, sizeof(file->magic)) || file->segment == 0 ||
		file->hash[SK_SHA256_HEX_SIZE - 1] != 0 || !sk_hash_check(file->hash))
		return -EBADMSG;
	r = sk_ratchet_new(file->key, le64toh(file->epoch), ret_ratchet);
	if (r < 0)
		return r;
	ret_state->segment = le64toh(file->segment);
	ret_state->seal.seq = le64toh(file->seq);
	memcpy(ret_state->seal.hash, file->hash, sizeof(ret_state->seal.hash));
	return 0;
}

/* The key of the last epoch must not stay in blocks that nobody owns any more. */
static void overwrite(int fd)
{
	char zeros[sizeof(StateFile)] = {0};

	if (fd >= 0 && pwrite(fd, zeros, sizeof(zeros), 0) == (ssize_t)sizeof(zeros))
		(void)fdatasync(fd);
}

int sk_seal_state_write(int dir_fd, const SkSealState *state, const SkRatchet *ratchet)
{
	own_fd int old_fd =
		openat(dir_fd, SK_SEAL_STATE_FILE, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	own_secret SkSecret *memory = NULL;
	StateFile *file;
	int r = sk_secret_new(sizeof(*file), &memory);

	if (r < 0)
		return r;
	file = (StateFile *)sk_secret_data(memory);
	sk_str_copy(file->magic, sizeof(file->magic), STATE_MAGIC);
	file->epoch = htole64(sk_ratchet_epoch(ratchet));
	file->segment = htole64(state->segment);
	file->seq = htole64(state->seal.seq);
	sk_str_copy(file->hash, sizeof(file->hash), state->seal.hash);
	memcpy(file->key, sk_ratchet_key(ratchet), sizeof(file->key));
	sk_sha256(file->check, file, offsetof(StateFile, check));
	r = sk_io_replace_file_at(dir_fd, SK_SEAL_STATE_FILE, 0600, file, sizeof(*file));
	if (r == 0)
		overwrite(old_fd);
	return r;
}

#define START_KEY_FORM "sekisho-audit-start-key 1\nid hmac-sha256:"
#define START_KEY_SIZE (sizeof(START_KEY_FORM) - 1 + 64 + sizeof("\nkey ") - 1 + 64 + 1)

static void start_key_format(char *text, size_t size, const SkRatchet *ratchet)
{
	uint8_t id[SK_RATCHET_MAC_SIZE];
	char id_hex[2 * sizeof(id) + 1], key_hex[2 * SK_RATCHET_KEY_SIZE + 1];

	sk_ratchet_id(ratchet, id);
	sk_hex_format(id_hex, id, sizeof(id));
	sk_hex_format(key_hex, sk_ratchet_key(ratchet), SK_RATCHET_KEY_SIZE);
	sk_str_format(text, size, START_KEY_FORM "%s\nkey %s\n", id_hex, key_hex);
	sk_secret_wipe(key_hex, sizeof(key_hex));
}

int sk_start_key_read(int dir_fd, const char *path, SkRatchet **ret_ratchet)
{
	own_fd int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char text[START_KEY_SIZE + 2] = {0}, again[START_KEY_SIZE + 1];
	uint8_t key[SK_RATCHET_KEY_SIZE];
	own_ratchet SkRatchet *ratchet = NULL;
	ssize_t n;
	int r;

	if (fd < 0)
		return -errno;
	n = sk_io_read_up_to(fd, text, sizeof(text) - 1);
	if (n < 0)
		return (int)n;
	r = n == START_KEY_SIZE ? 0 : -EINVAL;
	if (r == 0) {
		text[START_KEY_SIZE - 1] = 0;
		r = sk_hex_parse(key, sizeof(key), text + START_KEY_SIZE - 1 - 2 * sizeof(key));
		text[START_KEY_SIZE - 1] = '\n';
	}
	if (r == 0)
		r = sk_ratchet_new(key, 0, &ratchet);
	if (r == 0) {
		start_key_format(again, sizeof(again), ratchet);
		r = memcmp(again, text, START_KEY_SIZE) == 0 ? 0 : -EINVAL;
		sk_secret_wipe(again, sizeof(again));
	}
	sk_secret_wipe(text, sizeof(text));
	sk_secret_wipe(key, sizeof(key));
	if (r == 0)
		*ret_ratchet = own_take(ratchet);
	return r;
}

static int sync_parent(int dir_fd, const char *path)
{
	char copy[PATH_MAX];
	own_fd int fd = -1;

	if (!sk_str_copy(copy, sizeof(copy), path))
		return -ENAMETOOLONG;
	fd = openat(dir_fd, dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Under another name first: after a power cut there is a whole file or none. */
int sk_start_key_write(int dir_fd, const char *path, const SkRatchet *ratchet)
{
	char text[START_KEY_SIZE + 1], temporary[PATH_MAX];
	own_fd int fd = -1;
	int r;

	if (!sk_str_format(temporary, sizeof(temporary), "%s.new", path))
		return -ENAMETOOLONG;
	unlinkat(dir_fd, temporary, 0);
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
	if (fd < 0)
		return -errno;
	start_key_format(text, sizeof(text), ratchet);
	r = sk_io_write_all(fd, text, START_KEY_SIZE);
	sk_secret_wipe(text, sizeof(text));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	/* Unlike a rename this leaves a file alone that is there already. */
	if (r == 0 && linkat(dir_fd, temporary, dir_fd, path, 0) < 0)
		r = -errno;
	unlinkat(dir_fd, temporary, 0);
	return r == 0 ? sync_parent(dir_fd, path) : r;
}
