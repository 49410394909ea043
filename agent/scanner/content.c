/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/content.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/io.h"

/* Given back to the system after a file that needed more than this. */
#define COPY_KEEP (4u << 20)

static int read_copy(Content *content, int fd, size_t size)
{
	ssize_t n;

	if (!content->copy) {
		void *memory = mmap(NULL, CONTENT_COPY_MAX, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (memory == MAP_FAILED)
			return -errno;
		content->copy = memory;
	}
	n = sk_io_pread_up_to(fd, content->copy, size, 0);
	if (n < 0)
		return (int)n;
	content->data = content->copy;
	content->size = (size_t)n;
	return 0;
}

int content_load(Content *content, int fd, uint64_t file_size)
{
	void *mapping;

	content->partial = file_size > CONTENT_MAP_MAX;
	if (file_size <= CONTENT_COPY_MAX || content->partial)
		return read_copy(
			content, fd, file_size < CONTENT_COPY_MAX ? (size_t)file_size : CONTENT_COPY_MAX);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	mapping = mmap(NULL, (size_t)file_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	content->mapping = mapping;
	content->data = mapping;
	content->size = (size_t)file_size;
	return 0;
}

void content_release(Content *content)
{
	if (content->mapping)
		munmap(content->mapping, content->size);
	else if (content->copy && content->size > COPY_KEEP)
		madvise(content->copy, CONTENT_COPY_MAX, MADV_DONTNEED);
	*content = (Content){.copy = content->copy};
}
