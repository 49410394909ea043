/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/tpm/tpm_own.h"

#include <string.h>
#include <tss2/tss2_mu.h>

#define COORDINATE 32

static int marshal(const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private, SkTpmKey *ret_key)
{
	size_t offset = 0;
	TSS2_RC rc = Tss2_MU_TPM2B_PUBLIC_Marshal(public, ret_key->data, sizeof(ret_key->data), &offset);

	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPM2B_PRIVATE_Marshal(private, ret_key->data, sizeof(ret_key->data), &offset);
	ret_key->size = (uint32_t)offset;
	return sk_tpm_error(rc);
}

static int unmarshal(const SkTpmKey *key, TPM2B_PUBLIC *public, TPM2B_PRIVATE *private)
{
	const TPMS_ECC_POINT *point = &public->publicArea.unique.ecc;
	size_t offset = 0;

	memset(public, 0, sizeof(*public));
	memset(private, 0, sizeof(*private));
	if (key->size > sizeof(key->data) ||
		Tss2_MU_TPM2B_PUBLIC_Unmarshal(key->data, key->size, &offset, public) != TSS2_RC_SUCCESS ||
		Tss2_MU_TPM2B_PRIVATE_Unmarshal(key->data, key->size, &offset, private) != TSS2_RC_SUCCESS ||
		offset != key->size || public->publicArea.type != TPM2_ALG_ECC ||
		public->publicArea.parameters.eccDetail.curveID != TPM2_ECC_NIST_P256 ||
		point->x.size > COORDINATE || point->y.size > COORDINATE)
		return -EBADMSG;
	return 0;
}

/* With zeros in front, which some chips leave out. */
static void put_number(uint8_t *dst, const TPM2B_ECC_PARAMETER *number)
{
	memset(dst, 0, COORDINATE);
	memcpy(dst + COORDINATE - number->size, number->buffer, number->size);
}

int sk_tpm_key_point(const SkTpmKey *key, uint8_t ret_point[SK_TPM_POINT_SIZE])
{
	TPM2B_PUBLIC public;
	TPM2B_PRIVATE private;
	int r = unmarshal(key, &public, &private);

	if (r < 0)
		return r;
	ret_point[0] = 4;
	put_number(ret_point + 1, &public.publicArea.unique.ecc.x);
	put_number(ret_point + 1 + COORDINATE, &public.publicArea.unique.ecc.y);
	return 0;
}

int sk_tpm_key_new(SkTpm *tpm, SkTpmKey *ret_key)
{
	const TPM2B_SENSITIVE_CREATE sensitive = {.size = 0};
	const TPM2B_DATA outside = {.size = 0};
	const TPML_PCR_SELECTION pcrs = {.count = 0};
	const TPM2B_PUBLIC template = {
		.publicArea = {.type = TPM2_ALG_ECC,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
					    TPMA_OBJECT_NODA | TPMA_OBJECT_SIGN_ENCRYPT,
			.parameters.eccDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
				.scheme = {.scheme = TPM2_ALG_ECDSA,
					.details.ecdsa.hashAlg = TPM2_ALG_SHA256},
				.curveID = TPM2_ECC_NIST_P256,
				.kdf.scheme = TPM2_ALG_NULL}}};
	TPM2B_PRIVATE *private = NULL;
	TPM2B_PUBLIC *public = NULL;
	int r = sk_tpm_session(tpm, 0);

	if (r == 0)
		r = sk_tpm_error(
			Esys_Create(tpm->esys, tpm->primary, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE,
				&sensitive, &template, &outside, &pcrs, &private, &public, NULL, NULL, NULL));
	if (r == 0)
		r = marshal(public, private, ret_key);
	Esys_Free(private);
	Esys_Free(public);
	return r;
}

static int sign(SkTpm *tpm, ESYS_TR object, const uint8_t digest[32], TPMT_SIGNATURE **ret_signature)
{
	const TPMT_SIG_SCHEME how = {.scheme = TPM2_ALG_NULL}; /* the one that the key was made for */
	const TPMT_TK_HASHCHECK ticket = {.tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL};
	TPM2B_DIGEST input = {.size = 32};

	memcpy(input.buffer, digest, 32);
	return sk_tpm_error(Esys_Sign(tpm->esys, object, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, &input,
		&how, &ticket, ret_signature));
}

int sk_tpm_key_sign(SkTpm *tpm, const SkTpmKey *key, const uint8_t digest[32],
	uint8_t ret_signature[SK_TPM_SIGNATURE_SIZE])
{
	TPMT_SIGNATURE *signature = NULL;
	ESYS_TR object = ESYS_TR_NONE;
	TPM2B_PUBLIC public;
	TPM2B_PRIVATE private;
	int r = unmarshal(key, &public, &private);

	if (r == 0)
		r = sk_tpm_session(tpm, 0);
	if (r == 0)
		r = sk_tpm_error(Esys_Load(tpm->esys, tpm->primary, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE,
			&private, &public, &object));
	if (r == 0)
		r = sign(tpm, object, digest, &signature);
	if (object != ESYS_TR_NONE)
		Esys_FlushContext(tpm->esys, object);
	if (r == 0 && (signature->signature.ecdsa.signatureR.size > COORDINATE ||
			      signature->signature.ecdsa.signatureS.size > COORDINATE))
		r = -EIO;
	if (r == 0) {
		put_number(ret_signature, &signature->signature.ecdsa.signatureR);
		put_number(ret_signature + COORDINATE, &signature->signature.ecdsa.signatureS);
	}
	Esys_Free(signature);
	return r;
}
