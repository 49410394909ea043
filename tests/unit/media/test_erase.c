/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A medium is erased on a device that is made here: the power goes after every write, and in the middle of
 * one; it takes no more, gives something else back, is pulled out, belongs to another. Serves LOSS-4. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/media/erase.h"
#include "agent/media/zeros.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"
#include "lib/luks2/erased.h"
#include "lib/luks2/profile.h"
#include "lib/reason/reason.h"

#define SIZE SK_LUKS2_MEDIUM_MIN
#define OLD 0xa5
#define NEVER UINT64_MAX

static uint8_t *disk;
static unsigned n_writes, cut_after;
static uint64_t bad_write, bad_read, kept; /* bytes: fails, fails, is not changed */
static bool gone, taken;

ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t at)
{
	uint8_t old = kept < SIZE ? disk[kept] : 0;

	assert_true((uint64_t)at + size <= SIZE && at % 512 == 0 && size % 512 == 0);
	if (gone || (bad_write >= (uint64_t)at && bad_write < (uint64_t)at + size)) {
		errno = EIO;
		return -1;
	}
	n_writes++;
	if (n_writes <= cut_after)
		memcpy(disk + at, data, size);
	else if (n_writes == cut_after + 1)
		memcpy(disk + at, data, size / 2);
	if (kept < SIZE)
		disk[kept] = old;
	return (ssize_t)size;
}

ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t at);
ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t at)
{
	if (bad_read >= (uint64_t)at && bad_read < (uint64_t)at + size) {
		errno = EIO;
		return -1;
	}
	memcpy(data, disk + at, size);
	return (ssize_t)size;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;

	if (request == BLKDISCARD) {
		errno = EOPNOTSUPP;
		return -1;
	}
	va_start(arguments, request);
	if (request == BLKGETSIZE64)
		*va_arg(arguments, uint64_t *) = SIZE;
	va_end(arguments);
	return 0;
}

static int open_device(int flags)
{
	if (flags & O_EXCL)
		assert_true(flags & O_DIRECT);
	if (gone && n_writes > 0)
		errno = ENXIO;
	else if (taken && flags & O_EXCL)
		errno = EBUSY;
	else
		return fcntl(0, F_DUPFD_CLOEXEC, 3);
	return -1;
}

int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	return open_device(flags);
}

int __wrap___open64_2(const char *path, int flags);
int __wrap___open64_2(const char *path, int flags)
{
	return open_device(flags);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	return 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	return 0;
}

static SkMediaErased erase(void)
{
	const SkMediaErase order = {.volume = 7, .medium = "01J00000000000000000000001", .uuid = "U-1"};
	SkMediaErased erased = {.volume = 7};
	MediaWork work = {.erase = &order, .device_fd = 0};
	int sockets[2];
	ssize_t n;
	char message[512];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sockets), 0);
	work.parent = sk_chan_new(sockets[0]);
	assert_non_null(work.parent);
	assert_int_equal(media_erase(&work, &erased), 0);
	while ((n = recv(sockets[1], message, sizeof(message), 0)) > 0)
		assert_int_equal(n, sizeof(SkMediaProgress));
	sk_chan_free(work.parent);
	close(sockets[1]);
	return erased;
}

static int setup(void **state)
{
	disk = malloc(SIZE);
	assert_non_null(disk);
	memset(disk, OLD, SIZE);
	n_writes = 0;
	cut_after = UINT32_MAX - 1;
	bad_write = bad_read = kept = NEVER;
	gone = taken = false;
	return 0;
}

static int teardown(void **state)
{
	free(own_take(disk));
	return 0;
}

static bool is_zero(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		if (disk[i] != 0)
			return false;
	return true;
}

static void test_whole(void **state)
{
	SkErasedMark mark;
	SkMediaErased erased = erase();

	assert_int_equal(erased.code, 0);
	assert_true(erased.size == SIZE && erased.written == SIZE && erased.compared == SIZE);
	assert_int_equal(erased.discarded, 0);
	assert_true(sk_erased_mark_parse(disk, &mark));
	assert_true(mark.done);
	assert_string_equal(mark.medium, "01J00000000000000000000001");
	assert_string_equal(mark.uuid, "U-1");
	assert_true(is_zero(SK_ERASED_SECTOR_SIZE, SIZE));
}

/* From the first write on, torn or not, it is known which it was; and the keys go before the data. */
static void test_cut(void **state)
{
	unsigned total;
	SkErasedMark mark;

	erase();
	total = n_writes;
	for (unsigned i = 0; i < total; i++) {
		memset(disk, OLD, SIZE);
		n_writes = 0;
		cut_after = i;
		erase();
		assert_true(sk_erased_mark_parse(disk, &mark));
		assert_int_equal(mark.done, i + 1 == total);
		if (i > SK_LUKS2_DATA_OFFSET / MEDIA_PIECE)
			assert_true(is_zero(SK_ERASED_PAGE_SIZE, SK_LUKS2_DATA_OFFSET));
		else
			assert_int_equal(disk[SK_LUKS2_DATA_OFFSET], OLD);
	}
}

static void test_what_it_does_not_take(void **state)
{
	SkMediaErased erased;
	SkErasedMark mark;

	bad_write = 40u << 20;
	erased = erase();
	assert_int_equal(erased.code, SK_ERASURE_FAILED);
	assert_true(
		erased.written > SK_LUKS2_DATA_OFFSET && erased.written <= bad_write && erased.compared == 0);
	assert_non_null(strstr(erased.detail, "writing at byte"));
	assert_true(sk_erased_mark_parse(disk, &mark));
	assert_false(mark.done);
}

static void test_what_it_does_not_give_back(void **state)
{
	SkMediaErased erased;
	SkErasedMark mark;

	bad_read = 50u << 20;
	erased = erase();
	assert_int_equal(erased.code, SK_ERASURE_FAILED);
	assert_true(erased.written == SIZE && erased.compared <= bad_read);
	bad_read = NEVER;
	kept = (60u << 20) + 17;
	disk[kept] = OLD;
	erased = erase();
	assert_int_equal(erased.code, SK_ERASURE_FAILED);
	assert_non_null(strstr(erased.detail, "not what was written"));
	assert_true(sk_erased_mark_parse(disk, &mark));
	assert_false(mark.done);
}

static void test_pulled_out_is_not_broken(void **state)
{
	n_writes = 1;
	gone = true;
	assert_int_equal(erase().code, SK_ERASURE_CUT);
}

/* Another worker is at it still. */
static void test_not_two_at_once(void **state)
{
	taken = true;
	assert_int_equal(erase().code, SK_MEDIUM_BUSY);
	assert_int_equal(disk[0], OLD);
}

static void test_marks(void **state)
{
	uint8_t page[SK_ERASED_PAGE_SIZE];
	const SkErasedMark mark = {.medium = "M-1", .uuid = "U"};
	SkErasedMark read;

	for (size_t i = 0; i < SK_ERASED_SECTOR_SIZE; i++) {
		sk_erased_mark_format(&mark, page);
		assert_true(sk_erased_mark_parse(page, &read));
		page[i] = 0xff;
		assert_false(sk_erased_mark_parse(page, &read));
	}
	memset(page, 0, sizeof(page));
	assert_false(sk_erased_mark_parse(page, &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_it_does_not_take, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_it_does_not_give_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pulled_out_is_not_broken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_two_at_once, setup, teardown),
		cmocka_unit_test(test_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
