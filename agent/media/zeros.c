/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/zeros.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096

uint8_t *media_piece_new(void)
{
	return aligned_alloc(PAGE, MEDIA_PIECE);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static int go(MediaZeros *zeros, bool check)
{
	for (zeros->at = zeros->from; zeros->at < zeros->to;) {
		uint64_t left = zeros->to - zeros->at;
		size_t size = left < MEDIA_PIECE ? (size_t)left : MEDIA_PIECE;
		off_t at = (off_t)zeros->at;
		ssize_t n = check ? pread(zeros->device_fd, zeros->piece, size, at)
				  : pwrite(zeros->device_fd, zeros->piece, size, at);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		if (check && !is_zero(zeros->piece, (size_t)n))
			return -EBADMSG;
		zeros->at += (uint64_t)n;
		if (zeros->tell)
			zeros->tell(zeros->userdata, zeros->at);
	}
	return 0;
}

int media_zeros_write(MediaZeros *zeros)
{
	memset(zeros->piece, 0, MEDIA_PIECE);
	return go(zeros, false);
}

int media_zeros_check(MediaZeros *zeros)
{
	return go(zeros, true);
}
