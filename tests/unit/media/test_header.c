/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power goes after every single page that is written of a changed header, and in the middle of each: what
 * is left is a header of the profile, and the area that its passphrase slot names is whole. Serves OUT-2.
 */
#include "tests/unit/unit.h"

#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/media/header.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/luks2/luks2.h"
#include "lib/luks2/profile.h"

#define PAGE 4096
#define AREA_SIZE 258048
#define AREA(number) (2 * SK_LUKS2_METADATA_SIZE + (number)*AREA_SIZE)
#define MEDIUM_SIZE (256ull << 20)
#define WRITES_MAX 512

static int device_fd = -1;
static uint8_t *disk; /* what is on the medium: what was written so far */
static unsigned n_writes, cut_after;
static bool torn;

/* A device that is switched off after so many pages; the last one may be written by half. */
ssize_t __real_pwrite64(int fd, const void *data, size_t size, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t at)
{
	if (fd != device_fd)
		return __real_pwrite64(fd, data, size, at);
	assert_int_equal(size, PAGE);
	n_writes++;
	if (n_writes <= cut_after)
		memcpy(disk + at, data, size);
	else if (n_writes == cut_after + 1 && torn)
		memcpy(disk + at, data, size / 2);
	return (ssize_t)size;
}

ssize_t __real_pread64(int fd, void *data, size_t size, off_t at);
ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t at);
ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t at)
{
	if (fd != device_fd)
		return __real_pread64(fd, data, size, at);
	memcpy(data, disk + at, size);
	return (ssize_t)size;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	assert_int_equal(fd, device_fd);
	return 0;
}

static void put_number(uint8_t *bytes, size_t n, uint64_t value)
{
	while (n-- > 0) {
		bytes[n] = (uint8_t)value;
		value >>= 8;
	}
}

#define SALT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SLOT(number, priority, area)                                                                         \
	"\"" number "\":{\"type\":\"luks2\",\"key_size\":64," priority "\"af\":{\"type\":\"luks1\","         \
	"\"stripes\":4000,\"hash\":\"sha256\"},\"area\":{\"type\":\"raw\",\"offset\":\"" area "\","          \
	"\"size\":\"258048\",\"encryption\":\"aes-xts-plain64\",\"key_size\":64},\"kdf\":{\"type\":"         \
	"\"pbkdf2\",\"hash\":\"sha256\",\"iterations\":600000,\"salt\":\"" SALT "\"}}"
#define HEADER(slots, passphrase, both)                                                                      \
	"{\"keyslots\":{" slots "},\"tokens\":{\"0\":{\"type\":\"sekisho\",\"keyslots\":[" passphrase        \
	"],\"version\":1,\"medium\":\"M\",\"organisation\":\"O\",\"label\":\"L\",\"mode\":\"bound\","        \
	"\"keys\":[\"K\"]}},\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"16777216\",\"size\":"       \
	"\"dynamic\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\",\"sector_size\":4096}},"          \
	"\"digests\":{\"0\":{\"type\":\"pbkdf2\",\"keyslots\":[" both "],\"segments\":[\"0\"],\"hash\":"     \
	"\"sha256\",\"iterations\":1000,\"salt\":\"" SALT "\",\"digest\":\"" SALT "\"}},\"config\":{"        \
	"\"json_size\":\"12288\",\"keyslots_size\":\"16744448\"}}"

/* Areas 0 and 1 before; afterwards 2 and 1, and 0 is free. */
static const char json_before[] =
	HEADER(SLOT("0", "", "32768") "," SLOT("1", "\"priority\":0,", "290816"), "\"0\"", "\"0\",\"1\"");
static const char json_after[] =
	HEADER(SLOT("2", "", "548864") "," SLOT("1", "\"priority\":0,", "290816"), "\"2\"", "\"1\",\"2\"");

static void write_copy(uint8_t *copy, unsigned i, const char *json, uint64_t sequence)
{
	memset(copy, 0, SK_LUKS2_METADATA_SIZE);
	memcpy(copy, i == 0 ? "LUKS\xba\xbe" : "SKUL\xba\xbe", 6);
	put_number(copy + 6, 2, 2);
	put_number(copy + 8, 8, SK_LUKS2_METADATA_SIZE);
	put_number(copy + 16, 8, sequence);
	memcpy(copy + 72, "sha256", 6);
	memcpy(copy + 168, "12345678-1234-1234-1234-123456789abc", 36);
	put_number(copy + 256, 8, i * SK_LUKS2_METADATA_SIZE);
	memcpy(copy + SK_LUKS2_BINARY_SIZE, json, strlen(json));
	sk_luks2_seal(copy, SK_LUKS2_METADATA_SIZE);
}

static uint8_t *header_new(const char *json, uint64_t sequence, unsigned area)
{
	uint8_t *header = calloc(1, SK_LUKS2_DATA_OFFSET);

	assert_non_null(header);
	write_copy(header, 0, json, sequence);
	write_copy(header + SK_LUKS2_METADATA_SIZE, 1, json, sequence);
	memset(header + AREA(1), 1, AREA_SIZE);
	memset(header + AREA(area), 0x10 + (int)area, AREA_SIZE);
	return header;
}

static int memory(const uint8_t *header)
{
	int fd = memfd_create("header", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(__real_pwrite64(fd, header, SK_LUKS2_DATA_OFFSET, 0), SK_LUKS2_DATA_OFFSET);
	return fd;
}

static bool is_all(const uint8_t *bytes, uint8_t value)
{
	return bytes[0] == value && memcmp(bytes, bytes + 1, AREA_SIZE - 1) == 0;
}

/* As it is found when the power is back. */
static int slot_found(void)
{
	SkLuksFacts facts;
	int slot;

	sk_luks2_read(disk, SK_LUKS2_DATA_OFFSET, MEDIUM_SIZE, &facts);
	assert_null(sk_luks2_profile_check(&facts));
	slot = sk_luks2_slot_now(&facts, SK_LUKS2_SLOT_PASSPHRASE);
	assert_true(slot == 0 || slot == 2);
	assert_true(is_all(disk + AREA(slot), (uint8_t)(0x10 + slot)));
	assert_true(is_all(disk + AREA(1), 1));
	/* What mends it in memory leaves what was read. */
	assert_true(sk_luks2_mend(disk, SK_LUKS2_DATA_OFFSET));
	sk_luks2_read(disk, SK_LUKS2_DATA_OFFSET, MEDIUM_SIZE, &facts);
	assert_int_equal(facts.problems, 0);
	assert_int_equal(sk_luks2_slot_now(&facts, SK_LUKS2_SLOT_PASSPHRASE), slot);
	return slot;
}

typedef struct Change {
	uint8_t *before, *after;
	int before_fd, after_fd;
} Change;

static int run(const Change *change, unsigned after, bool half)
{
	MediaDetail detail = {.text = ""};

	memcpy(disk, change->before, SK_LUKS2_DATA_OFFSET);
	n_writes = 0;
	cut_after = after;
	torn = half;
	return media_header_change(
		&(MediaHeaderChange){device_fd, change->before_fd, change->after_fd}, &detail);
}

static void cut_at_any_page_one_of_the_two_opens(void **state)
{
	Change change = {header_new(json_before, 3, 0), header_new(json_after, 7, 2), -1, -1};
	unsigned all, news = 0;

	change.before_fd = memory(change.before);
	change.after_fd = memory(change.after);
	assert_int_equal(run(&change, WRITES_MAX, false), 0);
	all = n_writes;
	assert_memory_equal(disk, change.after, SK_LUKS2_DATA_OFFSET);
	assert_true(all > 2 * AREA_SIZE / PAGE && all < WRITES_MAX);
	/* Pages of an area are alike; where the copies are written, each counts. */
	for (unsigned after = 0; after < all;
		after += after + 8 < AREA_SIZE / PAGE || after > all / 2 + 8 ? 8 : 1)
		for (int half = 0; half < 2; half++) {
			/* It is read back, so that it was cut is seen. */
			assert_int_equal(run(&change, after, half), -EIO);
			news += slot_found() == 2;
		}
	/* The old area is emptied last. */
	assert_true(news >= 2 * AREA_SIZE / PAGE / 8);
	free(change.before);
	free(change.after);
	close(change.before_fd);
	close(change.after_fd);
}

static void a_first_header_is_none_until_its_last_page(void **state)
{
	static const uint8_t zeros[PAGE];
	uint8_t *made = header_new(json_before, 1, 0), *empty = calloc(1, SK_LUKS2_DATA_OFFSET);
	Change change = {empty, made, -1, -1};
	unsigned all;

	assert_non_null(empty);
	change.after_fd = memory(made);
	assert_int_equal(run(&change, WRITES_MAX, false), 0);
	all = n_writes;
	for (unsigned after = 0; after < all; after += after + 16 < all ? 16 : 1) {
		assert_int_equal(run(&change, after, false), -EIO);
		assert_memory_equal(disk, zeros, PAGE);
	}
	free(made);
	free(empty);
	close(change.after_fd);
}

static int set_up(void **state)
{
	disk = calloc(1, SK_LUKS2_DATA_OFFSET);
	device_fd = memfd_create("device", MFD_CLOEXEC);
	sk_luks2_init();
	return disk && device_fd >= 0 && sk_crypt_init() == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	free(disk);
	close(device_fd);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_at_any_page_one_of_the_two_opens),
		cmocka_unit_test(a_first_header_is_none_until_its_last_page),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
