/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Between the files of lib/tpm. */
#include <tss2/tss2_esys.h>

#include "lib/tpm/tpm.h"

struct SkTpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR primary; /* parent of keys, and what the session's secret is agreed with */
	ESYS_TR session;
};

/* What tpm2-tss said, as negative errno. */
int sk_tpm_error(TSS2_RC rc);

/* The session for the next command; which of its first parameters travel encrypted: TPMA_SESSION_DECRYPT what
 * is sent, TPMA_SESSION_ENCRYPT what comes back. */
int sk_tpm_session(SkTpm *tpm, TPMA_SESSION encrypted);
