/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/probe/probe.h"
#include "lib/base/own.h"
#include "lib/crypt/digest.h"

#define MEDIUM (4 << 20)

static int make_medium(size_t size)
{
	int fd = memfd_create("medium", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void put(int fd, off_t offset, const void *bytes, size_t size)
{
	assert_int_equal(pwrite(fd, bytes, size, offset), (ssize_t)size);
}

static SkBlockFacts probe(int fd)
{
	const ProbeFds fds = {-1, -1, -1, -1, .block = fd};
	SkBlockFacts facts;

	probe_block(&fds, &facts);
	return facts;
}

/* A table with n partitions of type 7, each of 1024 sectors. */
static void put_table(int fd, unsigned n)
{
	uint8_t sector[512] = {0};

	for (unsigned i = 0; i < n; i++) {
		uint8_t *entry = sector + 446 + 16 * (size_t)i;

		entry[4] = 7;
		entry[9] = (uint8_t)(8 * (i + 1)); /* first sector: 2048 * (i + 1) */
		entry[13] = 4;			   /* 1024 sectors */
	}
	sector[510] = 0x55;
	sector[511] = 0xaa;
	put(fd, 446, sector + 446, sizeof(sector) - 446);
}

static void put_iso9660(int fd)
{
	put(fd, 16 * 2048, "\1CD001\1", 7);
	put(fd, 17 * 2048, "\377CD001\1", 7);
}

/* The first page of a swap area: version 1, 512 pages, its signature in the last ten bytes. */
static void put_swap(int fd)
{
	const uint32_t header[] = {1, 512, 0};

	put(fd, 1024, header, sizeof(header));
	put(fd, 4096 - 10, "SWAPSPACE2", 10);
}

static void nothing_on_a_medium_is_empty(void **state)
{
	own_fd int fd = make_medium(MEDIUM);
	SkBlockFacts facts = probe(fd);

	assert_int_equal(facts.state, SK_BLOCK_FACTS_OK);
	assert_int_equal(facts.content, SK_CONTENT_EMPTY);
	assert_int_equal(facts.size, MEDIUM);
	assert_string_equal(facts.type_name, "");
}

static void no_medium_is_unreadable(void **state)
{
	own_fd int empty = make_medium(0), directory = open("/", O_RDONLY | O_DIRECTORY);
	SkBlockFacts facts = probe(empty);

	assert_int_equal(facts.state, SK_BLOCK_FACTS_UNREADABLE);
	assert_int_equal(facts.size, 0);
	assert_int_equal(probe(directory).state, SK_BLOCK_FACTS_UNREADABLE);
	assert_int_equal(probe(-1).state, SK_BLOCK_FACTS_UNREADABLE);
}

static void a_table_is_counted(void **state)
{
	own_fd int fd = make_medium(MEDIUM);
	SkBlockFacts facts;

	put_table(fd, 3);
	facts = probe(fd);
	assert_int_equal(facts.state, SK_BLOCK_FACTS_OK);
	assert_int_equal(facts.content, SK_CONTENT_PARTITIONS);
	assert_int_equal(facts.n_partitions, 3);
	assert_string_equal(facts.table, "dos");
}

static void a_hybrid_disc_image_is_a_disc(void **state)
{
	own_fd int fd = make_medium(MEDIUM);
	SkBlockFacts facts;

	put_iso9660(fd);
	put_table(fd, 1);
	facts = probe(fd);
	assert_int_equal(facts.state, SK_BLOCK_FACTS_OK);
	assert_int_equal(facts.content, SK_CONTENT_ISO9660);
	assert_string_equal(facts.table, "dos");
	assert_int_equal(facts.n_partitions, 1);
}

static void a_file_system_beside_a_table_is_ambiguous(void **state)
{
	own_fd int fd = make_medium(MEDIUM);

	put_swap(fd);
	assert_int_equal(probe(fd).state, SK_BLOCK_FACTS_OK);
	assert_int_equal(probe(fd).content, SK_CONTENT_OTHER);
	assert_string_equal(probe(fd).type_name, "swap");
	put_table(fd, 1);
	assert_int_equal(probe(fd).state, SK_BLOCK_FACTS_AMBIGUOUS);
}

static void two_signatures_are_ambiguous_on_a_small_medium_too(void **state)
{
	/* libblkid's safe probing stops at the first signature below 1440 KiB. */
	own_fd int fd = make_medium(1 << 20);

	put_iso9660(fd);
	put_swap(fd);
	assert_int_equal(probe(fd).state, SK_BLOCK_FACTS_AMBIGUOUS);
}

static void an_empty_table_beside_a_file_system_is_none(void **state)
{
	own_fd int fd = make_medium(MEDIUM);
	SkBlockFacts facts;

	put_swap(fd);
	put_table(fd, 0);
	facts = probe(fd);
	assert_int_equal(facts.state, SK_BLOCK_FACTS_OK);
	assert_string_equal(facts.table, "");
}

static void the_identity_is_that_of_the_first_64_kib(void **state)
{
	own_fd int fd = make_medium(MEDIUM);
	uint8_t zeros[65536] = {0}, digest[SK_SHA256_SIZE];
	SkBlockFacts facts = probe(fd);

	sk_sha256(digest, zeros, sizeof(zeros));
	assert_memory_equal(facts.identity_digest, digest, sizeof(digest));
	put(fd, 65536, "x", 1);
	facts = probe(fd);
	assert_memory_equal(facts.identity_digest, digest, sizeof(digest));
	put(fd, 65535, "x", 1);
	facts = probe(fd);
	assert_memory_not_equal(facts.identity_digest, digest, sizeof(digest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_on_a_medium_is_empty),
		cmocka_unit_test(no_medium_is_unreadable),
		cmocka_unit_test(a_table_is_counted),
		cmocka_unit_test(a_hybrid_disc_image_is_a_disc),
		cmocka_unit_test(a_file_system_beside_a_table_is_ambiguous),
		cmocka_unit_test(two_signatures_are_ambiguous_on_a_small_medium_too),
		cmocka_unit_test(an_empty_table_beside_a_file_system_is_none),
		cmocka_unit_test(the_identity_is_that_of_the_first_64_kib),
	};

	return sk_crypt_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
