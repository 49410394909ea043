/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An enrolment code of any bytes. What is accepted has one way to be written, and that is accepted as the
 * same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/enrol/code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[1024], written[SK_ENROL_CODE_SIZE];
	SkEnrolCode code, again;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (sk_enrol_code_parse(text, &code) < 0)
		return 0;
	require(code.port > 0 && !strpbrk(code.host, "/?#@% "));
	require(sk_enrol_code_format(written, &code) == 0);
	require(sk_enrol_code_parse(written, &again) == 0);
	require(memcmp(&code, &again, sizeof(code)) == 0);
	return 0;
}
