/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write_ways WAY PATH [SIZE]: writes "WAY" again and again into a file, in one of the ways that a program
 * has. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SIZE 65536

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static void fill(char *data, const char *word)
{
	for (size_t i = 0; i < SIZE; i++)
		data[i] = word[i % strlen(word)];
}

static int write_plain(const char *path, int flags, const char *data)
{
	int fd = open(path, O_RDWR | O_CREAT | flags, 0644);

	if (fd < 0 || pwrite(fd, data, SIZE, 0) != SIZE)
		return fail("write");
	return close(fd);
}

/* The descriptor is closed before anything is written: only the mapping keeps the file open. */
static int write_mapped(const char *path, const char *data)
{
	int fd = open(path, O_RDWR | O_CREAT, 0644);
	char *place;

	if (fd < 0 || ftruncate(fd, SIZE) < 0)
		return fail("open");
	place = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (place == MAP_FAILED)
		return fail("mmap");
	close(fd);
	usleep(300000);
	memcpy(place, data, SIZE);
	usleep(300000);
	place[0] = '!'; /* the page is dirty already: no time of the file changes */
	return munmap(place, SIZE);
}

/* One write by a ring of its own; the descriptor is closed before it is submitted (the ring holds the file).
 */
static int write_ring(const char *path, char *data)
{
	struct io_uring_params params = {0};
	int fd = open(path, O_RDWR | O_CREAT, 0644), ring = (int)syscall(SYS_io_uring_setup, 4, &params);

	if (fd < 0 || ring < 0)
		return fail("io_uring_setup");
	char *submit = mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(uint32_t),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *entries = mmap(NULL, params.sq_entries * sizeof(*entries),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);

	if (submit == MAP_FAILED || entries == MAP_FAILED)
		return fail("mmap of the ring");
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1) < 0)
		return fail("io_uring_register");
	close(fd);
	entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_WRITE,
		.flags = IOSQE_FIXED_FILE,
		.fd = 0,
		.addr = (uint64_t)(uintptr_t)data,
		.len = SIZE};
	((uint32_t *)(submit + params.sq_off.array))[0] = 0;
	__atomic_store_n((uint32_t *)(submit + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return fail("io_uring_enter");
	return close(ring);
}

static int write_sparse(const char *path, const char *data)
{
	int fd = open(path, O_RDWR | O_CREAT, 0644);

	if (fd < 0 || pwrite(fd, data, SIZE, 0) != SIZE || pwrite(fd, data, SIZE, 8 << 20) != SIZE)
		return fail("write");
	return close(fd);
}

int main(int argc, char **argv)
{
	const char *way = argc > 2 ? argv[1] : "", *path = argc > 2 ? argv[2] : "";
	char *data = aligned_alloc(4096, SIZE);

	if (!data || argc < 3)
		return fail("write_ways WAY PATH");
	fill(data, way);
	if (strcmp(way, "plain") == 0)
		return write_plain(path, O_TRUNC, data);
	if (strcmp(way, "direct") == 0)
		return write_plain(path, O_DIRECT, data);
	if (strcmp(way, "mmap") == 0)
		return write_mapped(path, data);
	if (strcmp(way, "uring") == 0)
		return write_ring(path, data);
	if (strcmp(way, "sparse") == 0)
		return write_sparse(path, data);
	if (strcmp(way, "truncate") == 0 && argc == 4)
		return truncate(path, atol(argv[3])) < 0 ? fail("truncate") : 0;
	return fail("which way?");
}
