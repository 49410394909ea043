/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers lines "deb A B" and "rpm A B" with lt, eq or gt. */
#include <stdio.h>

#include "agent/posture/version.h"
#include "lib/base/str.h"

int main(void)
{
	char kind[8], a[256], b[256];

	while (scanf("%7s %255s %255s", kind, a, b) == 3) {
		int order = sk_str_eq(kind, "deb") ? version_compare_deb(a, b) : version_compare_rpm(a, b);

		puts(order < 0 ? "lt" : order > 0 ? "gt" : "eq");
	}
	return 0;
}
