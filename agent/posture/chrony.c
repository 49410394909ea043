/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/chrony.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/own.h"

#define PORT 323
#define WAIT_MSEC 1000
#define VERSION 6
#define REQUEST 1
#define REPLY 2
#define ASK_TRACKING 33
#define REPLY_TRACKING 5
#define SEQUENCE 0x736b6973u
/* A question is as long as its answer. */
#define SIZE 104
#define AT_LEAP 54
#define AT_CORRECTION 68
#define AT_LAST_OFFSET 72
#define LEAP_UNSYNCHRONISED 3

static void put_16(uint8_t *at, uint16_t value)
{
	value = htobe16(value);
	memcpy(at, &value, sizeof(value));
}

static uint16_t get_16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return be16toh(value);
}

static uint32_t get_32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

/* Seven bits of exponent, 25 of coefficient, both with a sign. */
static double get_float(const uint8_t *at)
{
	uint32_t bits = get_32(at);
	int exponent = (int)(bits >> 25), coefficient = (int)(bits & 0x1ffffff);

	if (exponent >= 64)
		exponent -= 128;
	if (coefficient >= 1 << 24)
		coefficient -= 1 << 25;
	return ldexp(coefficient, exponent - 25);
}

int chrony_ask(void)
{
	own_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint8_t request[SIZE] = {VERSION, REQUEST};
	uint32_t sequence = htobe32(SEQUENCE);

	put_16(request + 4, ASK_TRACKING);
	memcpy(request + 8, &sequence, sizeof(sequence));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		send(fd, request, sizeof(request), 0) < 0)
		return -errno;
	return own_take_fd(&fd);
}

bool chrony_parse(const uint8_t *bytes, size_t size, ChronyTracking *ret_tracking)
{
	double correction, last;

	if (size < SIZE || bytes[0] != VERSION || bytes[1] != REPLY || get_16(bytes + 4) != ASK_TRACKING ||
		get_16(bytes + 6) != REPLY_TRACKING || get_16(bytes + 8) != 0 ||
		get_32(bytes + 16) != SEQUENCE)
		return false;
	correction = fabs(get_float(bytes + AT_CORRECTION));
	last = fabs(get_float(bytes + AT_LAST_OFFSET));
	ret_tracking->offset_sec = correction > last ? correction : last;
	ret_tracking->synchronised = get_16(bytes + AT_LEAP) != LEAP_UNSYNCHRONISED;
	return true;
}

int chrony_read(int fd, ChronyTracking *ret_tracking)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	uint8_t answer[512];
	ssize_t n;

	if (poll(&poller, 1, WAIT_MSEC) <= 0)
		return -ETIMEDOUT;
	n = recv(fd, answer, sizeof(answer), 0);
	if (n < 0)
		return -errno;
	return chrony_parse(answer, (size_t)n, ret_tracking) ? 0 : -EBADMSG;
}
