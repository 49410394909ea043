/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A header of the PROXY protocol, or anything else: what is taken lies within the bytes, does not depend on
 * what follows it, and came whole. And the same bytes as a list of trusted proxies.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "console/server/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void check_list(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f};
	SkProxies proxies;

	if (!text)
		return;
	memcpy(text, data, size);
	if (sk_proxies_parse(text, &proxies) == 0) {
		require(proxies.count <= SK_PROXIES_MAX);
		for (size_t i = 0; i < proxies.count; i++)
			require(proxies.networks[i].bits <= 128);
		(void)sk_proxies_have(&proxies, (const struct sockaddr *)&address);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	SkProxyHeader header, shorter;
	int r;

	if (!exact)
		abort();
	memcpy(exact, data, size);
	r = sk_proxy_parse(exact, size, &header);
	if (r == 1) {
		require(header.size >= SK_PROXY_FIXED && header.size <= size && header.size <= SK_PROXY_MAX);
		require(header.local || header.from.ss_family == AF_INET ||
			header.from.ss_family == AF_INET6);
		require(sk_proxy_parse(exact, header.size, &shorter) == 1 && shorter.size == header.size);
		require(sk_proxy_parse(exact, header.size - 1, &shorter) == 0);
	}
	free(exact);
	check_list(data, size);
	return 0;
}
