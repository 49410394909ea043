/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The header of the PROXY protocol, version 2, by which a load balancer in front of the console says whose
 * connection it passes on; and the list of addresses that are believed to be one. Pure functions over hostile
 * bytes.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_PROXY_FIXED 16 /* bytes that say how long the header is */
#define SK_PROXY_MAX 552  /* the longest that is taken, with what else a balancer tells */
#define SK_PROXIES_MAX 32

typedef struct SkProxyHeader {
	size_t size; /* of the whole header */
	bool local;  /* the balancer's own connection, to see whether we are there: its own address */
	struct sockaddr_storage from; /* of the client, IPv4 or IPv6 */
	socklen_t from_size;
} SkProxyHeader;

/* Return: 1 a header; 0 more bytes are needed; -EBADMSG it is none, or none for a TCP connection. */
int sk_proxy_parse(const uint8_t *bytes, size_t size, SkProxyHeader *ret_header);

typedef struct SkProxies {
	struct {
		uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
		unsigned bits;
	} networks[SK_PROXIES_MAX];
	size_t count;
} SkProxies;

/* text: addresses and networks (10.0.0.0/8, fd00::1), separated by blanks or commas; NULL and "": none.
 * Return: 0, -EINVAL. */
int sk_proxies_parse(const char *text, SkProxies *ret_proxies);
bool sk_proxies_have(const SkProxies *proxies, const struct sockaddr *address);
