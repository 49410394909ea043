/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A medium of any bytes through the probe's own code and libblkid. The input is the first part of a medium of
 * 1 MiB; its last bytes also stand at the end, where GPT and RAID keep their second copies.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/probe/probe.h"
#include "lib/crypt/digest.h"

#define MEDIUM_SIZE (1 << 20)
#define TAIL_SIZE 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void write_at(int fd, const uint8_t *data, size_t size, off_t offset)
{
	require(pwrite(fd, data, size, offset) == (ssize_t)size);
}

static int make_medium(const uint8_t *data, size_t size)
{
	int fd = memfd_create("medium", MFD_CLOEXEC);
	size_t tail = size < TAIL_SIZE ? size : TAIL_SIZE;

	require(fd >= 0 && ftruncate(fd, MEDIUM_SIZE) == 0);
	if (size > MEDIUM_SIZE)
		size = MEDIUM_SIZE;
	write_at(fd, data + size - tail, tail, MEDIUM_SIZE - (off_t)tail);
	write_at(fd, data, size, 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const ProbeFds fds = {-1, -1, -1, -1, .block = make_medium(data, size)};
	SkBlockFacts facts;

	require(sk_crypt_init() == 0);
	probe_block(&fds, &facts);
	close(fds.block);
	require(facts.state <= SK_BLOCK_FACTS_AMBIGUOUS && facts.content < SK_CONTENT_MAX_);
	require(facts.size == MEDIUM_SIZE);
	require(SK_PROTO_TEXT_OK(facts.table) && SK_PROTO_TEXT_OK(facts.type_name));
	require(SK_PROTO_TEXT_OK(facts.label) && SK_PROTO_TEXT_OK(facts.uuid));
	return 0;
}
