/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/backoff.h"

#include "lib/crypt/secret.h"

int64_t sk_backoff_ms(int64_t failures, int64_t first_ms, int64_t longest_ms)
{
	int64_t ms = first_ms;
	uint32_t chance;

	while (--failures > 0 && ms < longest_ms)
		ms *= 2;
	if (ms > longest_ms)
		ms = longest_ms;
	sk_random_fill(&chance, sizeof(chance));
	return ms / 2 + (int64_t)(chance % (uint64_t)(ms / 2 + 1));
}
