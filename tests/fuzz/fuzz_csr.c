/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hostile request for a certificate. */
#include <stdint.h>
#include <stdlib.h>

#include "console/keys/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SkCsrKey *key = NULL;
	int r = sk_csr_read(data, size, &key);

	if ((r == 0) != (key != NULL))
		abort();
	sk_csr_key_free(key);
	return 0;
}
