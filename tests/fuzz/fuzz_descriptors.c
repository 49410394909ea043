/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The descriptors of a USB device, any bytes: what is accepted must be within its ranges and have a rule;
 * what is refused must have a reason and a place within the bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "lib/crypt/digest.h"
#include "lib/usb/descriptors.h"
#include "lib/usb/hash.h"
#include "lib/usb/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static SkUsbFacts facts;
	SkUsbFault fault = {0};
	char *rule = NULL;

	facts = (SkUsbFacts){.product = "a \"name\"", .serial = "\\"};
	if (sk_crypt_init() < 0)
		return 0;
	if (sk_usb_descriptors_parse(data, size, &facts, &fault) < 0) {
		require(facts.state == SK_USB_FACTS_MALFORMED && fault.reason != NULL);
		require(fault.offset <= size && facts.error_offset == fault.offset);
		return 0;
	}
	sk_usb_hash(&facts, data, size, facts.hash);
	require(sk_usb_facts_check(&facts) && fault.reason == NULL);
	require(sk_usb_rule_format(&facts, NULL, &rule) == 0);
	free(rule);
	return 0;
}
