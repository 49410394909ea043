/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <blkid.h>
#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "agent/probe/probe.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/luks2/erased.h"

#define IDENTITY_HEAD 65536
#define IDENTITY_TAIL 16384 /* the second copy of a GPT */
/* A burned disc ends in run-out sectors that cannot be read: two, of 2 KiB each; give them double. */
#define RUN_OUT_SECTOR 2048
#define RUN_OUT_SECTORS 4

OWN_DEFINE(struct blkid_struct_probe, blkid_free_probe)
#define own_probe own_(blkid_free_probep)

/* One signature that libblkid found. */
typedef struct Found {
	uint32_t content;
	char type[32];
	char label[256];
	char uuid[64];
} Found;

static int get_size(int fd, uint64_t *ret_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, ret_size) < 0 ? -errno : 0;
	if (!S_ISREG(st.st_mode))
		return -ENOTBLK;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int probe_read_at(int fd, uint8_t *buffer, size_t size, uint64_t offset)
{
	return sk_io_pread_up_to(fd, buffer, size, offset) == (ssize_t)size ? 0 : -EIO;
}

/* How many bytes from the start libblkid may read: all, or all but the run-out of a disc. */
static int get_readable_size(int fd, uint64_t size, uint64_t *ret_readable)
{
	uint8_t sector[RUN_OUT_SECTOR];

	for (unsigned i = 0; i <= RUN_OUT_SECTORS; i++) {
		uint64_t n = size < sizeof(sector) ? size : sizeof(sector);

		if (n == 0)
			break;
		if (probe_read_at(fd, sector, (size_t)n, size - n) == 0) {
			*ret_readable = size;
			return 0;
		}
		size -= n;
	}
	return -EIO;
}

static int digest_identity(int fd, uint64_t size, bool is_gpt, uint8_t ret_digest[SK_SHA256_SIZE])
{
	uint8_t buffer[IDENTITY_HEAD];
	size_t n = size < sizeof(buffer) ? (size_t)size : sizeof(buffer);
	SkSha256 hash;
	int r = probe_read_at(fd, buffer, n, 0);

	if (r < 0)
		return r;
	sk_sha256_init(&hash);
	sk_sha256_update(&hash, buffer, n);
	if (is_gpt) {
		n = size < IDENTITY_TAIL ? (size_t)size : IDENTITY_TAIL;
		r = probe_read_at(fd, buffer, n, size - n);
		if (r < 0)
			return r;
		sk_sha256_update(&hash, buffer, n);
	}
	sk_sha256_final(&hash, ret_digest);
	return 0;
}

static void copy_value(blkid_probe probe, const char *name, char *dst, size_t size)
{
	const char *value;
	size_t value_size;

	dst[0] = 0;
	if (blkid_probe_lookup_value(probe, name, &value, &value_size) == 0)
		sk_str_copy(dst, size, value);
}

static uint32_t get_content(const char *type, const char *version)
{
	static const struct {
		const char *type, *version;
		uint32_t content;
	} contents[] = {
		{"vfat", NULL, SK_CONTENT_VFAT},
		{"exfat", NULL, SK_CONTENT_EXFAT},
		{"ntfs", NULL, SK_CONTENT_NTFS},
		{"ext2", NULL, SK_CONTENT_EXT},
		{"ext3", NULL, SK_CONTENT_EXT},
		{"ext4", NULL, SK_CONTENT_EXT},
		{"iso9660", NULL, SK_CONTENT_ISO9660},
		{"udf", NULL, SK_CONTENT_UDF},
		{"crypto_LUKS", "1", SK_CONTENT_LUKS1},
		{"crypto_LUKS", "2", SK_CONTENT_LUKS2},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(contents); i++)
		if (sk_str_eq(type, contents[i].type) &&
			(!contents[i].version || sk_str_eq(version, contents[i].version)))
			return contents[i].content;
	return SK_CONTENT_OTHER;
}

static void take_found(blkid_probe probe, Found *found)
{
	char version[16];

	copy_value(probe, "TYPE", found->type, sizeof(found->type));
	copy_value(probe, "VERSION", version, sizeof(version));
	copy_value(probe, "LABEL", found->label, sizeof(found->label));
	copy_value(probe, "UUID", found->uuid, sizeof(found->uuid));
	found->content = get_content(found->type, version);
}

/* A bridge disc has the same files under ISO 9660 and UDF; Linux tools take UDF, and so do we. */
static bool is_bridge(const Found *a, const Found *b)
{
	return (a->content == SK_CONTENT_UDF && b->content == SK_CONTENT_ISO9660) ||
	       (a->content == SK_CONTENT_ISO9660 && b->content == SK_CONTENT_UDF);
}

/*
 * libblkid's own safe probing takes the first of several signatures on small media and stops at RAID and
 * encryption; asking for every signature leaves no such gap.
 */
static int probe_superblocks(blkid_probe probe, SkBlockFacts *facts, Found *found)
{
	Found next;
	int r;

	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
							 BLKID_SUBLKS_VERSION | BLKID_SUBLKS_USAGE);
	blkid_probe_enable_partitions(probe, 0);
	while ((r = blkid_do_probe(probe)) == 0) {
		take_found(probe, &next);
		if (found->content == SK_CONTENT_EMPTY ||
			(is_bridge(found, &next) && next.content == SK_CONTENT_UDF))
			*found = next;
		else if (!is_bridge(found, &next))
			facts->state = SK_BLOCK_FACTS_AMBIGUOUS;
	}
	return r < 0 ? -EIO : 0;
}

static int probe_table(blkid_probe probe, SkBlockFacts *facts)
{
	blkid_partlist list;
	int n, r;

	blkid_probe_enable_superblocks(probe, 0);
	blkid_probe_enable_partitions(probe, 1);
	r = blkid_do_safeprobe(probe);
	if (r == -2)
		facts->state = SK_BLOCK_FACTS_AMBIGUOUS;
	if (r != 0)
		return r == -1 ? -EIO : 0;
	copy_value(probe, "PTTYPE", facts->table, sizeof(facts->table));
	if (facts->table[0] == 0)
		return 0;
	list = blkid_probe_get_partitions(probe);
	n = list ? blkid_partlist_numof_partitions(list) : 0;
	facts->n_partitions = n > 0 ? (uint32_t)n : 0;
	return 0;
}

/*
 * Joins what was found into one answer. A table beside a file system is refused unless it is a hybrid image.
 * A table without partitions beside one is no table: the last two bytes of a boot sector look like it.
 */
static void conclude(SkBlockFacts *facts, const Found *found)
{
	bool known_table = sk_str_eq(facts->table, "dos") || sk_str_eq(facts->table, "gpt");

	facts->content = found->content;
	sk_str_copy(facts->type_name, sizeof(facts->type_name), found->type);
	sk_str_copy(facts->label, sizeof(facts->label), found->label);
	sk_str_copy(facts->uuid, sizeof(facts->uuid), found->uuid);
	if (facts->table[0] == 0)
		return;
	if (found->content == SK_CONTENT_EMPTY) {
		facts->content = known_table ? SK_CONTENT_PARTITIONS : SK_CONTENT_OTHER;
		sk_str_copy(facts->type_name, sizeof(facts->type_name), facts->table);
	} else if (facts->n_partitions == 0) {
		memset(facts->table, 0, sizeof(facts->table));
	} else if (found->content != SK_CONTENT_ISO9660) {
		facts->state = SK_BLOCK_FACTS_AMBIGUOUS;
	}
}

static int probe_content(int fd, uint64_t readable, SkBlockFacts *facts, Found *found)
{
	own_probe blkid_probe probe = blkid_new_probe();
	int r;

	if (!probe)
		return -ENOMEM;
	if (blkid_probe_set_device(probe, fd, 0, (blkid_loff_t)readable) < 0)
		return -EIO;
	r = probe_superblocks(probe, facts, found);
	return r < 0 ? r : probe_table(probe, facts);
}

/* It was a medium of ours; what else is on it is no matter, because nothing of it is opened. */
static bool probe_erased(int fd, SkBlockFacts *facts)
{
	uint8_t sector[SK_ERASED_SECTOR_SIZE];
	SkErasedMark mark;

	if (probe_read_at(fd, sector, sizeof(sector), 0) < 0 || !sk_erased_mark_parse(sector, &mark))
		return false;
	facts->content = SK_CONTENT_ERASED;
	sk_str_copy(facts->type_name, sizeof(facts->type_name), mark.done ? "done" : "begun");
	sk_str_copy(facts->label, sizeof(facts->label), mark.medium);
	sk_str_copy(facts->uuid, sizeof(facts->uuid), mark.uuid);
	return true;
}

void probe_block(const ProbeFds *fds, SkBlockFacts *ret_facts)
{
	SkBlockFacts facts = {.state = SK_BLOCK_FACTS_OK};
	Found found = {.content = SK_CONTENT_EMPTY};
	uint64_t readable;

	*ret_facts = (SkBlockFacts){.state = SK_BLOCK_FACTS_UNREADABLE};
	if (get_size(fds->block, &facts.size) < 0 || facts.size == 0)
		return;
	ret_facts->size = facts.size;
	if (facts.size > INT64_MAX || get_readable_size(fds->block, facts.size, &readable) < 0)
		return;
	if (!probe_erased(fds->block, &facts)) {
		if (probe_content(fds->block, readable, &facts, &found) < 0)
			return;
		conclude(&facts, &found);
	}
	if (facts.content == SK_CONTENT_LUKS2)
		probe_luks(fds->block, readable, &facts.luks);
	if (digest_identity(fds->block, readable, sk_str_eq(facts.table, "gpt"), facts.identity_digest) < 0)
		return;
	*ret_facts = facts;
}
