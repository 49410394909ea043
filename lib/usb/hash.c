/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/usb/hash.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/crypt/digest.h"

#define DEVICE_SIZE 18
#define DEVICE_RELEASE 12
#define LINUX_FOUNDATION 0x1d6b
#define ROOT_HUB_FIRST 0x0001 /* USB 1.1; 0x0002: USB 2.0; 0x0003: USB 3 */
#define ROOT_HUB_LAST 0x0003

static void base64_format(char *dst, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3) {
		size_t n = size - i < 3 ? size - i : 3;
		uint32_t bits = (uint32_t)bytes[i] << 16;

		if (n > 1)
			bits |= (uint32_t)bytes[i + 1] << 8;
		if (n > 2)
			bits |= bytes[i + 2];
		*dst++ = digits[bits >> 18];
		*dst++ = digits[bits >> 12 & 63];
		*dst++ = n > 1 ? digits[bits >> 6 & 63] : '=';
		*dst++ = n > 2 ? digits[bits & 63] : '=';
	}
	*dst = 0;
}

static void update_text(SkSha256 *hash, const char *text)
{
	sk_sha256_update(hash, text, strlen(text));
}

static void finish(SkSha256 *hash, char ret_hash[SK_USB_HASH_SIZE])
{
	uint8_t digest[SK_SHA256_SIZE];

	_Static_assert((SK_SHA256_SIZE + 2) / 3 * 4 < SK_USB_HASH_SIZE, "the hash has room");
	sk_sha256_final(hash, digest);
	base64_format(ret_hash, digest, sizeof(digest));
}

static bool is_root_hub(const SkUsbFacts *facts)
{
	return facts->vendor_id == LINUX_FOUNDATION && facts->product_id >= ROOT_HUB_FIRST &&
	       facts->product_id <= ROOT_HUB_LAST;
}

void sk_usb_hash(
	const SkUsbFacts *facts, const uint8_t *descriptors, size_t size, char ret_hash[SK_USB_HASH_SIZE])
{
	SkSha256 hash;
	uint8_t device[DEVICE_SIZE] = {0};
	char id[5];

	sk_sha256_init(&hash);
	update_text(&hash, facts->product);
	snprintf(id, sizeof(id), "%04x", facts->vendor_id);
	update_text(&hash, id);
	snprintf(id, sizeof(id), "%04x", facts->product_id);
	update_text(&hash, id);
	update_text(&hash, facts->serial);
	if (size >= DEVICE_SIZE && is_root_hub(facts)) {
		memcpy(device, descriptors, DEVICE_SIZE);
		device[DEVICE_RELEASE] = device[DEVICE_RELEASE + 1] = 0;
		sk_sha256_update(&hash, device, DEVICE_SIZE);
		descriptors += DEVICE_SIZE;
		size -= DEVICE_SIZE;
	}
	sk_sha256_update(&hash, descriptors, size);
	finish(&hash, ret_hash);
}

void sk_usb_hash_text(const char *text, char ret_hash[SK_USB_HASH_SIZE])
{
	SkSha256 hash;

	sk_sha256_init(&hash);
	update_text(&hash, text);
	finish(&hash, ret_hash);
}
