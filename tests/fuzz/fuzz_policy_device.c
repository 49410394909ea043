/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptions of devices: what is accepted, written as a rule and read again is the same device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *write_device(const SkPolicyDescription *description, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);

	if (!out ||
		sk_policy_write_rule(sk_policy_description_device(description), SK_POLICY_DEVICE, out) < 0 ||
		fclose(out) != 0)
		abort();
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own_policy_description SkPolicyDescription *description = NULL, *again = NULL;
	own_free char *once = NULL, *twice = NULL;
	size_t once_size, twice_size;

	if (sk_policy_describe((const char *)data, size, (SkPolicySource){"fuzz", 1}, NULL, &description) < 0)
		return 0;
	once = write_device(description, &once_size);
	if (sk_policy_describe(once, once_size, (SkPolicySource){"written", 1}, NULL, &again) < 0)
		abort();
	twice = write_device(again, &twice_size);
	if (once_size != twice_size || memcmp(once, twice, once_size) != 0)
		abort();
	return 0;
}
