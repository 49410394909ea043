/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/ipc/memfd.h"

static void what_was_sealed_is_read_from_its_start(void **state)
{
	own_fd int fd = sk_memfd_new("four\0 and five", 14);
	own_free char *text = NULL, *again = NULL;
	size_t size;

	assert_true(fd >= 0);
	assert_int_equal(sk_memfd_read(fd, 14, &text, &size), 0);
	assert_int_equal(size, 14);
	assert_memory_equal(text, "four\0 and five", 15);
	assert_int_equal(sk_memfd_read(fd, 100, &again, NULL), 0);
	assert_int_equal(sk_memfd_read(fd, 13, &again, NULL), -EFBIG);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
}

static void nothing_is_something_too(void **state)
{
	own_fd int fd = sk_memfd_new("", 0);
	own_free char *text = NULL;
	size_t size = 1;

	assert_int_equal(sk_memfd_read(fd, 0, &text, &size), 0);
	assert_int_equal(size, 0);
	assert_string_equal(text, "");
}

/* What could change while it is read. */
static void only_sealed_memory_is_read(void **state)
{
	own_fd int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	own_fd int open_memory = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	own_fd int half = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ends[2];
	char *text = NULL;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(half, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	assert_int_equal(sk_memfd_read(file, 1 << 20, &text, NULL), -EBADF);
	assert_int_equal(sk_memfd_read(open_memory, 1 << 20, &text, NULL), -EBADF);
	assert_int_equal(sk_memfd_read(half, 1 << 20, &text, NULL), -EBADF);
	assert_int_equal(sk_memfd_read(ends[0], 1 << 20, &text, NULL), -EBADF);
	assert_null(text);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sealed_is_read_from_its_start),
		cmocka_unit_test(nothing_is_something_too),
		cmocka_unit_test(only_sealed_memory_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
