/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/tpm/tpm_own.h"

#include <string.h>
#include <tss2/tss2_tctildr.h>

#include "lib/base/str.h"

#define DEVICE "device:"

int sk_tpm_error(TSS2_RC rc)
{
	/* A code of the chip about a parameter, handle or session also says which one. */
	TSS2_RC code = rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc & 0xffff;
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;
	static const struct {
		TSS2_RC code;
		int error;
	} table[] = {
		{TPM2_RC_INTEGRITY, -EKEYREJECTED},
		{TPM2_RC_HANDLE, -ENOENT},
		{TPM2_RC_AUTH_FAIL, -EACCES},
		{TPM2_RC_BAD_AUTH, -EACCES},
		{TPM2_RC_NV_DEFINED, -EEXIST},
		{TPM2_RC_NV_SPACE, -ENOSPC},
		{TPM2_RC_NV_UNINITIALIZED, -EBADMSG},
	};

	if (rc == TSS2_RC_SUCCESS)
		return 0;
	if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER)
		return (rc & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_MEMORY ? -ENOMEM : -EIO;
	for (size_t i = 0; i < SK_ARRAY_SIZE(table); i++)
		if (table[i].code == code)
			return table[i].error;
	return -EIO;
}

/* The template of the TCG for a storage key of the owner, so that the chip always makes the same one. */
static int make_primary(SkTpm *tpm)
{
	const TPM2B_SENSITIVE_CREATE sensitive = {.size = 0};
	const TPM2B_DATA outside = {.size = 0};
	const TPML_PCR_SELECTION pcrs = {.count = 0};
	const TPM2B_PUBLIC public = {
		.publicArea = {.type = TPM2_ALG_ECC,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
					    TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
			.parameters.eccDetail = {.symmetric = {.algorithm = TPM2_ALG_AES,
							 .keyBits.aes = 128,
							 .mode.aes = TPM2_ALG_CFB},
				.scheme.scheme = TPM2_ALG_NULL,
				.curveID = TPM2_ECC_NIST_P256,
				.kdf.scheme = TPM2_ALG_NULL}}};

	return sk_tpm_error(Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
		ESYS_TR_NONE, &sensitive, &public, &outside, &pcrs, &tpm->primary, NULL, NULL, NULL, NULL));
}

static int start_session(SkTpm *tpm)
{
	const TPMT_SYM_DEF symmetric = {
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};

	return sk_tpm_error(Esys_StartAuthSession(tpm->esys, tpm->primary, ESYS_TR_NONE, ESYS_TR_NONE,
		ESYS_TR_NONE, ESYS_TR_NONE, NULL, TPM2_SE_HMAC, &symmetric, TPM2_ALG_SHA256, &tpm->session));
}

int sk_tpm_session(SkTpm *tpm, TPMA_SESSION encrypted)
{
	return sk_tpm_error(Esys_TRSess_SetAttributes(
		tpm->esys, tpm->session, TPMA_SESSION_CONTINUESESSION | encrypted, 0xff));
}

bool sk_tpm_is_there(const char *where)
{
	return !sk_str_starts(where, DEVICE) || access(where + strlen(DEVICE), F_OK) == 0;
}

/* tpm2-tss only says that it did not work. */
static int check_device(const char *where)
{
	if (!sk_str_starts(where, DEVICE) || access(where + strlen(DEVICE), R_OK | W_OK) == 0)
		return 0;
	return errno == EACCES || errno == EPERM ? -EPERM : -ENODEV;
}

void sk_tpm_init(void)
{
	setenv("TSS2_LOG", "all+NONE", 0);
}

int sk_tpm_open(const char *where, SkTpm **ret_tpm)
{
	own_tpm SkTpm *tpm = NULL;
	int r = check_device(where);

	if (r < 0)
		return r;
	tpm = calloc(1, sizeof(*tpm));
	if (!tpm)
		return -ENOMEM;
	tpm->primary = tpm->session = ESYS_TR_NONE;
	if (Tss2_TctiLdr_Initialize(where, &tpm->tcti) != TSS2_RC_SUCCESS)
		return -ENODEV;
	r = sk_tpm_error(Esys_Initialize(&tpm->esys, tpm->tcti, NULL));
	if (r == 0)
		r = make_primary(tpm);
	if (r == 0)
		r = start_session(tpm);
	if (r == 0)
		*ret_tpm = own_take(tpm);
	return r;
}

void sk_tpm_free(SkTpm *tpm)
{
	if (!tpm)
		return;
	if (tpm->session != ESYS_TR_NONE)
		Esys_FlushContext(tpm->esys, tpm->session);
	if (tpm->primary != ESYS_TR_NONE)
		Esys_FlushContext(tpm->esys, tpm->primary);
	Esys_Finalize(&tpm->esys);
	Tss2_TctiLdr_Finalize(&tpm->tcti);
	free(tpm);
}
