/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/base/str.h"

static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

#define VERSION_LOCAL 0x20
#define VERSION_PROXY 0x21
#define TCP_IPV4 0x11
#define TCP_IPV6 0x21
#define IPV4_SIZE 12 /* two addresses, two ports */
#define IPV6_SIZE 36

static int parse_addresses(const uint8_t *bytes, size_t size, SkProxyHeader *header)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&header->from;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&header->from;
	const uint8_t *addresses = bytes + SK_PROXY_FIXED;

	if (bytes[13] == TCP_IPV4 && size >= IPV4_SIZE) {
		four->sin_family = AF_INET;
		memcpy(&four->sin_addr, addresses, 4);
		memcpy(&four->sin_port, addresses + 8, 2);
		header->from_size = sizeof(*four);
		return 1;
	}
	if (bytes[13] == TCP_IPV6 && size >= IPV6_SIZE) {
		six->sin6_family = AF_INET6;
		memcpy(&six->sin6_addr, addresses, 16);
		memcpy(&six->sin6_port, addresses + 32, 2);
		header->from_size = sizeof(*six);
		return 1;
	}
	return -EBADMSG;
}

int sk_proxy_parse(const uint8_t *bytes, size_t size, SkProxyHeader *ret_header)
{
	size_t known = size < sizeof(signature) ? size : sizeof(signature), rest;
	SkProxyHeader header = {.local = false};

	/* Each byte as it comes: whoever speaks something else is not waited for. */
	if (memcmp(bytes, signature, known) != 0)
		return -EBADMSG;
	if (size > 12 && bytes[12] != VERSION_LOCAL && bytes[12] != VERSION_PROXY)
		return -EBADMSG;
	if (size < SK_PROXY_FIXED)
		return 0;
	rest = (size_t)bytes[14] << 8 | bytes[15];
	if (SK_PROXY_FIXED + rest > SK_PROXY_MAX)
		return -EBADMSG;
	if (size < SK_PROXY_FIXED + rest)
		return 0;
	header.size = SK_PROXY_FIXED + rest;
	header.local = bytes[12] == VERSION_LOCAL;
	if (!header.local && parse_addresses(bytes, rest, &header) < 0)
		return -EBADMSG;
	*ret_header = header;
	return 1;
}

static int parse_network(const char *text, uint8_t ret_address[16], unsigned *ret_bits)
{
	char copy[64], *slash;
	unsigned most = 128;
	uint64_t bits;

	if (!sk_str_copy(copy, sizeof(copy), text))
		return -EINVAL;
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = 0;
	if (inet_pton(AF_INET6, copy, ret_address) != 1) {
		memcpy(ret_address, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
		if (inet_pton(AF_INET, copy, ret_address + 12) != 1)
			return -EINVAL;
		most = 32;
	}
	bits = most;
	if (slash && sk_num_parse(slash, 10, most, &bits) < 0)
		return -EINVAL;
	*ret_bits = 128 - most + (unsigned)bits;
	return 0;
}

int sk_proxies_parse(const char *text, SkProxies *ret_proxies)
{
	SkProxies proxies = {.count = 0};
	char word[64];
	size_t length;
	int r;

	for (text = text ? text : ""; *(text += strspn(text, " ,\t")); text += length) {
		length = strcspn(text, " ,\t");
		if (proxies.count == SK_PROXIES_MAX ||
			!sk_str_format(word, sizeof(word), "%.*s", (int)(length < 64 ? length : 64), text))
			return -EINVAL;
		r = parse_network(
			word, proxies.networks[proxies.count].address, &proxies.networks[proxies.count].bits);
		if (r < 0)
			return r;
		proxies.count++;
	}
	*ret_proxies = proxies;
	return 0;
}

static bool is_inside(const uint8_t address[16], const uint8_t network[16], unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(address, network, whole) != 0)
		return false;
	return rest == 0 || ((address[whole] ^ network[whole]) >> (8 - rest)) == 0;
}

bool sk_proxies_have(const SkProxies *proxies, const struct sockaddr *address)
{
	uint8_t bytes[16] = "\0\0\0\0\0\0\0\0\0\0\xff\xff";

	if (address->sa_family == AF_INET)
		memcpy(bytes + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
	else if (address->sa_family == AF_INET6)
		memcpy(bytes, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
	else
		return false;
	for (size_t i = 0; i < proxies->count; i++)
		if (is_inside(bytes, proxies->networks[i].address, proxies->networks[i].bits))
			return true;
	return false;
}
